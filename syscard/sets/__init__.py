"""Sets as such: made from templates, checked, put in order."""
