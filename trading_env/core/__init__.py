"""What every room exchanges: records and codes, compiled-code decorators, settings, files."""
