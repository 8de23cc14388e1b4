"""What annotation programs export: each format's own reader, which writes the plain layouts of the app."""
