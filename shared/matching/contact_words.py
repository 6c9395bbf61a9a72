"""The words by which contact details are known in a comment: tables, in lower case and without accents."""

from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# --- Disguises ---

# Letters that look like a Latin one and that no Unicode normalisation turns into it.
LOOKALIKES: Final = dict(
    zip(
        "абсԁеɡһіјӏкмпорԛѕтухѵԝγзоαβεηικνορτυχωсɑıɩⅼʟɪɴꜱᴛᴀʙᴄᴅᴇꜰɢʜᴊᴋᴍᴏᴘʀᴜᴠᴡʏᴢ",
        "abcdeghijlkmnopqstyxvwyzoabenikvoptuxwcaiillinstabcdefghjkmopruvwyz",
        strict=True,
    )
) | {"\u2019": "'", "\u2018": "'", "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u2010": "-", "\u2011": "-"}
# Rows of letters in frames that are symbols to Unicode: first of the row, length, first letter.
FRAMED: Final = ((0x1F150, 26, "a"), (0x1F170, 26, "a"))
# What stands for a letter within a word: all of a row are the same when platforms are looked up.
LEET: Final = str.maketrans("01!|l34@5$79", "oiiiieaasstg")

# --- Links ---

# Endings that are no word with which a sentence would go on after a forgotten blank.
PLAIN_ENDINGS: Final = ("com", "net", "org", "info", "biz", "xyz", "ru", "gg", "co.uk", "com.br", "com.au")
# Words somewhere ("encanta.de verdad", "bello.io anche"), so they need the end of the clause or a path.
WORD_ENDINGS: Final = (
    *(
        "io",
        "me",
        "co",
        "app",
        "dev",
        "site",
        "online",
        "shop",
        "store",
        "club",
        "link",
        "page",
        "live",
        "blog",
        "website",
    ),
    *(
        "tv",
        "ai",
        "cc",
        "ly",
        "uk",
        "de",
        "fr",
        "es",
        "nl",
        "ch",
        "eu",
        "pl",
        "se",
        "br",
        "pt",
        "us",
        "ca",
        "au",
        "in",
        "at",
    ),
)
# Endings that are said aloud.
SPOKEN_ENDINGS: Final = ("com", "net", "org", "co uk", "co dot uk")
SPOKEN_LAST_ENDINGS: Final = ("io", "me", "de", "fr", "es", "nl", "ru", "app")  # only at the end of the clause
DOTS: Final = ("dot", "d0t", "punkt", "punto", "ponto", "point")
# What has an ending and is a tool of programmers.
NO_DOMAINS: Final = ("asp",)
# "The dot com bubble" is history.
NO_HOSTS: Final = frozenset(
    ["the", "a", "that", "this", "of", "in", "into", "during", "and", "first", "another", "some"]
)
# Hosts that are links with a path, whatever their ending.
HOSTS: Final = (
    *("t.me", "wa.me", "m.me", "fb.me", "bit.ly", "discord.gg", "linktr.ee", "onlyfans.com", "fansly.com", "cutt.ly"),
    *("youtu.be", "goo.gl", "is.gd", "lnkd.in", "snapchat.com", "vm.tiktok.com", "ig.me", "kik.me", "beacons.ai", "tg"),
)

# --- E-mail ---

MAIL_PROVIDERS: Final = ("gmail", "googlemail", "hotmail", "icloud", "protonmail", "gmx", "ymail", "tutanota")
# Those that are also employers or words need an ending, spoken or not.
MAIL_WORDS: Final = ("yahoo", "outlook", "aol", "live", "proton", "yandex", "mail", "web", "email", "e-mail")

# --- Phone ---

# Fingers, scores and sums are said with these too, so only a long run of them counts.
NUMBER_WORDS: Final = (
    ("zero", "null", "cero", "nul"),
    ("one", "eins", "uno", "un", "une", "um", "uma", "una"),
    ("two", "zwei", "zwo", "deux", "dos", "due", "dois", "duas"),
    ("three", "drei", "trois", "tres", "tre"),
    ("four", "vier", "quatre", "cuatro", "quattro", "quatro"),
    ("five", "funf", "fuenf", "cinq", "cinco", "cinque"),
    ("six", "sechs", "seis", "sei"),
    ("seven", "sieben", "sept", "siete", "sette", "sete"),
    ("eight", "acht", "huit", "ocho", "otto", "oito"),
    ("nine", "neun", "neuf", "nueve", "nove"),
)
# Where a number without a country's code may be from.
REGIONS: Final = ("US", "GB", "DE", "FR", "ES", "IT", "PT", "BR", "IN", "NL", "AU", "MX", "CH", "AT", "PL", "RU")
UNITS: Final = (
    *(
        "km",
        "m",
        "kg",
        "miles",
        "steps",
        "people",
        "followers",
        "photos",
        "years",
        "times",
        "euros?",
        "eur",
        "usd",
        "dollars",
    ),
    *(
        "bucks",
        "pounds",
        "kilometers",
        "kilometres",
        "meters",
        "metres",
        "words",
        "stars",
        "habitants",
        "einwohner",
        "jahre",
    ),
)

# --- Handles ---

# A blank is one that may be left out. These are no words of any other meaning.
PLATFORMS: Final = (
    *("insta gram", "insta", "tele gram", "whats app", "whatsap", "watsapp", "snap chat", "tik tok", "dis cord", "kik"),
    *(
        "face book",
        "we chat",
        "viber",
        "skype",
        "kakao talk",
        "kakao",
        "twitter",
        "onlyfans",
        "linked in",
    ),
    *("инста", "инстаграм", "инсте", "телеграм", "телеграмм", "телега", "телеге", "ватсап", "вотсап", "вацап"),
)
# Short forms that are also words, so they need a sign, a name that no word looks like, or an invitation.
ALIASES: Final = ("ig", "inst", "snap", "sc", "tg", "fb", "wa", "vk", "line id", "i g", "тг", "вк")
# Words that are platforms only where somebody is invited to them.
INVITED_ONLY: Final = ("signal", "zap", "whats", "messenger")
# Those that with a name beside them are a whole comment ("insta lisa", "sc lisa").
SHORT_PLATFORMS: Final = (
    *("insta gram", "insta", "tele gram", "whats app", "snap chat", "tik tok", "dis cord", "kik", "we chat", "viber"),
    *("skype", "kakao", "ig", "sc", "tg", "инста", "инстаграм", "телеграм"),
)
# Those that are one with words before them too: "You're cute! insta lisa".
LAST_PLATFORMS: Final = ("insta", "ig", "sc", "tg", "kik")
ACCOUNT_WORDS: Final = (
    "name",
    "handle",
    "id",
    "user",
    "username",
    "account",
    "acc",
    "nick",
    "nickname",
    "konto",
    "profil",
)
MINE: Final = ("my", "mein", "meine", "mon", "mi", "il mio", "meu", "minha", "mijn", "moj", "мой", "моя")
COPULAS: Final = ("is", "ist", "heisst", "lautet", "est", "c'est", "es", "e", "=", "jest", "это")

# What follows a platform or an @ and is no name.
NO_NAMES: Final = _set(
    """
    such much many well often usual same crush perfection gold goals vibes game games queen king girl boy star the a
    an i i'm im i'd you your he she it its we they this that these those there here what which who where when why
    how is are was were be been has have had do does did not no nope never yes yeah and or but so if as at in on of
    to for from with without by my mine me us our his her their all too also just only even really very more most
    less lol haha hahaha please can could would will should worthy famous vs versus made makes ruined rocks sucks
    killed feels looks got gets like likes love again later now today once stories story reels reel filter filters
    feed post posts photo photos pic pics page model models style moment moments husband wife ready account accounts
    profile bio obsessed addict detox culture generation expectations reality free live influencer influencers user
    users der die das ein eine ich du er sie es wir ihr ist sind war hat und oder aber nicht kein nie nur auch le la
    les un une je tu il elle nous vous est sont et ou mais pas jamais c'est el los las uno una yo ella ellos son y o
    pero nunca solo que lo gli io lui lei sono e ma mai che eu ele ela nao sim mas sempre но не ты он она это мы вы
    """
)
# What somebody's account may be instead of having that name.
NO_ACCOUNT_NAMES: Final = _set(
    """
    private public empty boring dead gone deleted closed hidden ugly old new embarrassing abandoned inactive full
    bad worse better best similar same different chaos chaotic food dogs cats memes nature travel awful terrible
    great nice funny weird silent quiet useless pointless sad proof overrated underrated art trash garbage crap fake
    broken leer privat tot langweilig weg geloscht vide prive nul mort vacio privado aburrido vazio vuoto privato
    morto
    """
)
AT_WORDS: Final = _set(
    """
    home work the school night all everyone everybody you peace gym noon uni office once least last first some any
    """
)
NEGATIONS: Final = (
    "never",
    "not",
    "won't",
    "wont",
    "can't",
    "cant",
    "cannot",
    "don't",
    "dont",
    "didn't",
    "no longer",
    "nobody",
)

# Regular expressions of what is said before a platform when one is meant to go there. The prepositions come after.
INVITATIONS: Final = (
    r"(?:add|find|follow|text|message|msg|write|dm|pm|ping|call|contact|reach|search|look|snap)(?: for)? me(?: up)?",
    r"(?:chat|talk|write|speak)(?: to| with) me",
    r"hit me up|hmu",
    r"(?:let'?s|let us|wanna|can we|we (?:could|can)|shall we) (?:chat|talk|move|switch|text|write)(?: this| over)?",
    r"(?:add|follow|check|check out|visit) my",
    r"same (?:name|user ?name|handle)",
    r"(?:schreibe?|adde?|folge?|finde?|suche?|kontaktiere?|findest|erreichst) (?:mir|mich)(?: doch| gerne?| mal)*",
    r"(?:ajoute|ecris|trouve|contacte|rejoins|suis)[- ]moi",
    r"(?:agregame|escribeme|buscame|sigueme|hablame|anademe|encuentrame|mandame)(?: un mensaje)?",
    r"(?:me )?(?:adiciona|chama|segue|procura|acha|manda)(?:[- ]?me)?(?: msg| mensagem)?",
    r"(?:scrivimi|aggiungimi|cercami|seguimi|trovami|contattami)",
    r"(?:пиши|напиши|найди|добавь|добавляй)(?: мне| меня)?",
    r"(?:voeg me toe|volg me|stuur me)",
)
PREPOSITIONS: Final = (
    *(
        "on",
        "at",
        "via",
        "in",
        "over",
        "through",
        "by",
        "to",
        "auf",
        "bei",
        "uber",
        "per",
        "sur",
        "en",
        "por",
        "al",
        "a",
        "no",
    ),
    *("na", "pelo", "su", "op", "в", "на"),
)
# What can be done to people by the name of a platform alone.
VERBS: Final = ("whatsapp", "telegram", "insta", "facebook", "kik", "skype", "wechat", "viber", "snapchat", "zap")
