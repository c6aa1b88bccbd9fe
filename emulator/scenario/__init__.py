"""What a person writes: the scenario language, its loading and its schema; the only floor that imports yaml."""
