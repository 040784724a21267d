"""WHO: users, teams, memberships, roles, tokens, preferences."""
