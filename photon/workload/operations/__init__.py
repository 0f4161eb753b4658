"""What clients do, an area of the API a file. `menu` says how often."""
