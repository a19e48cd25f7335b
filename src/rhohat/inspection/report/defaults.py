"""What exploring does unless told otherwise: apart, so that help does not wait for scikit-learn."""

#: Rows of each fit.
ROWS = 5000
#: Heading of the page.
TITLE = "What ρ, β and λ do"
