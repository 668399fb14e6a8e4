"""What ``manage.py dead_letters`` does, a module for each kind of subcommand; each only reads arguments and prints."""
