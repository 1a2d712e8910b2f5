"""What the stages of training share: the base model, the text it learns, the record."""
