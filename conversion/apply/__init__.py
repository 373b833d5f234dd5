"""Runs an artefact on photos, folders and videos, and writes masks, or pictures drawn with them."""
