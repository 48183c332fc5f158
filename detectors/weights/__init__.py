"""What the networks learnt; a card beside each says from what, and how well."""
