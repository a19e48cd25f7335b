"""The command ``rhohat``: only this package prints, and it only prints."""
