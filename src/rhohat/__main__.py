"""``python -m rhohat`` is the command ``rhohat``."""

from rhohat.cli.main import main

if __name__ == "__main__":
    main()
