"""Rules of arrears: values in, values out."""
