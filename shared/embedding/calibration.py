"""Texts like those that people write: half of them tune the integer engine, the other half judge it."""

from typing import Final

_TEXTS: Final = (
    "I laugh at my own jokes before I finish them.",
    "Pizza",
    "On Sundays I bake bread with my grandmother, and we argue about salt until the dough has risen twice.",
    "no idea lol",
    (
        "Someone who calls back. Someone who asks a second question. Someone who can be wrong at dinner and still kiss "
        "me goodnight. Someone who leaves the last dumpling."
    ),
    "My toxic trait is thinking I can pet every dog 🐶🐶",
    "Ich koche jeden Freitag für alle, die gerade keinen Plan haben.",
    "La montaña, el silencio y un café muy fuerte.",
    "J'ai peur des pigeons, mais je travaille dessus.",
    "Kindness",
    "3 kids, 2 jobs, 1 bathroom",
    "I moved here for a job, stayed for the river, and now I know the name of every heron between the two bridges.",
    "WHY IS EVERYBODY HERE CLIMBING",
    "honestly? being left on read. it makes me spiral, then I clean the whole flat, then I'm fine",
    "映画と散歩が好きです。",
    "Мне нравится читать в поезде.",
    "the way old men greet each other at the market",
    "If you can't handle a four-hour board game we may have a problem; if you win it, we may have a bigger one.",
    "Faith, family, football - in that order, most weeks.",
    "Therapy taught me to say what I need before I am angry that nobody guessed it.",
    "I want children. I'd rather say it now than in a year.",
    "Not looking for anything serious",
    "Data scientist by day, terrible drummer by night",
    "The last film I cried at was about a bear in a raincoat.",
    "coffee ☕ > sleep 😴",
    "أحب البحر في الشتاء",
    (
        "I have run the same lake for nine years. It is 6.4 km. I have never once seen the otter everybody else has "
        "seen, and I have started to believe that you are all making it up."
    ),
    "Yes.",
    "We'll get along if you think a museum is mostly a place to have coffee in.",
    "Loyal, stubborn, early",
    "I am hopeless at small talk but give me ten minutes and I'll ask what you wanted to be when you were eight.",
    "Vegan, sober, still fun at weddings. Ask my cousins.",
)

TUNING: Final = _TEXTS[::2]
JUDGING: Final = _TEXTS[1::2]
