"""The OneRoster plugin: people from OneRoster and School Data Sync files."""
