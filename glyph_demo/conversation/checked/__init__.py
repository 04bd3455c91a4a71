"""What an answer says, held against its document: numbers, dates, names and quotations, and where each stands."""
