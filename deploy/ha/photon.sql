-- The role and the database that controllers use; run once, on the first primary.
CREATE ROLE photon LOGIN PASSWORD '${PHOTON_PASSWORD}';
CREATE DATABASE photon OWNER photon;
