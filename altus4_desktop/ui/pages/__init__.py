"""What fills the window before somebody is signed in, and while it is locked."""
