"""How controllers know of each other: who lives, who leads what, and who was declared dead."""
