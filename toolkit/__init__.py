"""The command line, and the job behind each command."""
