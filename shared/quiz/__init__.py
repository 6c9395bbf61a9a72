"""The quiz, the traits that follow from it, and how well two people fit."""
