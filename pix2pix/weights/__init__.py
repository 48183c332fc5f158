"""What the shipped generator learnt; the card beside it says from what, and how well."""
