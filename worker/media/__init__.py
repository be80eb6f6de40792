"""Pictures and sound in and out of files; nothing here knows of faces."""
