"""One encoder: whole, masked or cut."""
