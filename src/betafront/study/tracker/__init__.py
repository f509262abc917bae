"""The interface by which a study is recorded elsewhere, and its use."""
