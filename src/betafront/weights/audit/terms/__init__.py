"""The terms that the audit recognises: the reconstruction, with its constants, and the KL."""
