"""What a study takes over from another one."""
