"""Labels and groups of data, as commands read them."""

from rhohat.files.labels import has_label as has_label
from rhohat.files.labels import labels_in_column as labels_in_column
from rhohat.files.labels import names_column as names_column
from rhohat.files.labels import read_labels as read_labels
