"""Systems that landmark-to-cartoon is held against, one file each."""
