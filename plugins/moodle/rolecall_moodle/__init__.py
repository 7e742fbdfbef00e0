"""The Moodle plugin: accounts and cohorts in a Moodle site."""
