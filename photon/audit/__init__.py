"""What must always be true of the store and its hosts, checked again from nothing."""
