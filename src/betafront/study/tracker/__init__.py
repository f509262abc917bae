"""The interface by which a study is recorded in another program, and its use."""
