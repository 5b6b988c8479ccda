"""Who you are and what you may do: users, accounts (tenants), API keys, limits. Knows no job and no money."""
