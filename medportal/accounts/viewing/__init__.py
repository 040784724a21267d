"""How people want to see studies: hanging protocols of teams and members, keys and settings of an account."""
