"""Everything that is measured of artefacts, emitters, encoders and designs, and the tables of it."""
