"""What more than one command measures with."""
