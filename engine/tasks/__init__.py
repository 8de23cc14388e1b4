"""The lesson's tasks, one short file each."""
