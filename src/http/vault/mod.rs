//! MetaDefender Vault.
