"""Model files, which tests read and damage."""

from support.models import contents as contents
from support.models import file as file
