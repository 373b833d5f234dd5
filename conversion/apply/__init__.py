"""An artefact at work: photos, folders and videos in; masks, or pictures drawn with them, out."""
