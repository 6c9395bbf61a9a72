"""The demo's other words: names, what people write about themselves, and what they write to each other."""

from typing import Final

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "woman": (
        *("Amara", "Anouk", "Beatriz", "Bea", "Carmen", "Catarina", "Chiara", "Clara", "Daria", "Devika", "Elena"),
        *("Elif", "Emma", "Esther", "Fatima", "Florence", "Frida", "Grace", "Greta", "Hana", "Helena", "Imani"),
        *("Inês", "Ingrid", "Isla", "Jana", "Joana", "Josephine", "Kaya", "Keiko", "Lea", "Leila", "Lotte", "Lucía"),
        *("Maeve", "Malin", "Margarida", "Marta", "Mei", "Mila", "Mira", "Naomi", "Nadia", "Nora", "Olga", "Paula"),
        *("Priya", "Ruth", "Sanne", "Selma", "Sofia", "Tessa", "Thandi", "Vera", "Yara", "Yuki", "Zeynep", "Zoe"),
    ),
    "man": (
        *("Aaron", "Adil", "Adrian", "Afonso", "Amir", "Anton", "Arjun", "Bruno", "Caleb", "Daniel", "David", "Diogo"),
        *("Elias", "Emil", "Emre", "Ezra", "Felix", "Finn", "Gabriel", "Gustav", "Hamid", "Henrik", "Hugo", "Ibrahim"),
        *("Ivan", "Jack", "Jakob", "João", "Jonas", "Kenji", "Kofi", "Lars", "Leo", "Liam", "Lorenzo", "Louis", "Luca"),
        *("Malik", "Marek", "Mateus", "Milo", "Nikhil", "Noah", "Oskar", "Otto", "Pedro", "Rafael", "Ravi", "Samuel"),
        *("Simon", "Stefan", "Tariq", "Theo", "Tiago", "Tom", "Viktor", "Wei", "Yusuf"),
    ),
    "nonbinary": (
        *(
            "Alex",
            "Ari",
            "Billie",
            "Charlie",
            "Eden",
            "Ellis",
            "Frankie",
            "Jules",
            "Juno",
            "Kai",
            "Kim",
            "Lou",
            "Marlo",
        ),
        *("Max", "Nico", "Noa", "Quinn", "Remy", "River", "Robin", "Rowan", "Sam", "Sascha", "Sky", "Toni", "Wren"),
    ),
}

BIOS: Final = (
    "Teacher by day, mediocre bass player by night. Looking for somebody who claps anyway.",
    "I fix bicycles and, if you let me, breakfast.",
    "Paediatric nurse. I know four hundred songs about animals and am not afraid to use them.",
    "Moved here for a job, stayed for the bakery on the corner.",
    "Architect of small houses. Big believer in long tables.",
    "I translate novels and answer messages slowly, but in whole sentences.",
    "Half of me is at the climbing wall, the other half is looking for its shoes.",
    "Marine biologist far from any sea. Ask me about octopuses.",
    "Baker. I am awake when the foxes are, and asleep before the news.",
    "I write software for trains. Yes, I know why yours was late.",
    "Single parent of a seven-year-old philosopher. We come with questions.",
    "Carpenter with a weakness for poems that rhyme.",
    "Gardener in the botanical garden. I can get us in before it opens.",
    "Physicist, dancer, owner of one good suit.",
    "I work at the theatre, in the dark, where the ropes are.",
    "Doctor in training. When I am awake I am excellent company.",
    "Librarian. I do not whisper, and I never did.",
    "I run a repair café and believe in second chances for toasters.",
    "Documentary films, cold lakes, warm kitchens.",
    "Lawyer for tenants. Gentle with everybody but landlords.",
    "Violin maker's apprentice at thirty-four. It is never too late, it is just slower.",
    "I teach sailing in summer and German in winter.",
    "Data by trade, ceramics by heart. The data is straighter.",
    "I grew up between two languages, and dream in a third.",
    "Social worker, Sunday cyclist, serious about soup.",
    "Cook who likes to be cooked for. A very low bar, honestly.",
    "Geologist. I will pick up stones on our walk, and there is nothing to be done about it.",
    "I restore old radios and listen to the news from years ago.",
    "Kindergarten teacher with an excellent memory for dinosaurs.",
    "Slow traveller: three countries by tandem, one by donkey.",
)

COMMENTS: Final[dict[str, tuple[str, ...]]] = {
    "slow_morning": (
        "That morning sounds like a holiday I never took. Is there room for a second cup?",
        "I read this with a cold coffee in my hand and have rarely envied anybody so much.",
    ),
    "on_repeat": ("You made me want to hear, taste and see that at once. Where does one begin?",),
    "after_work": ("Finally somebody with a ritual. Mine involves a hammock, I think they would get along.",),
    "cook_for_you": (
        "I would bring dessert and stay for the dishes, that is a promise.",
        "Is this an invitation? My answer would be yes, with hunger.",
    ),
    "small_luxury": ("A person with priorities! I would defend that in court.",),
    "go_back": (
        "I have wanted to go there since I was nine years old. Tell me what the map leaves out.",
        "The way you describe it I can nearly smell the place. What did you do on the last day?",
    ),
    "unplanned": ("Best story that I have read here this week. What happened to the others?",),
    "outside": ("I must have walked past you there a dozen times without knowing.",),
    "said_yes": ("Saying yes before one is ready is a whole philosophy, and you seem to live by it.",),
    "home_town": ("Please show me that. I come from a place with one traffic light and no stories.",),
    "feel_cared_for": ("Such a small thing, and it says so much about you.",),
    "after_an_argument": ("I have read this three times. Grown-up people do exist after all.",),
    "slow_to_say": ("You have just said it very well, and I noticed.",),
    "good_at_loving": ("Your friends are lucky. Do they know how lucky they are?",),
    "learned_from_love": ("It took me ten years and two moves to learn the same lesson.",),
    "changed_my_mind": ("I am still on the other side of this one. Convince me over dinner?",),
    "could_explain": (
        "I have an hour, I bring no notes, and I am honestly curious. When do we start?",
        "Nobody has ever offered me a better lecture. Front row, please.",
    ),
    "last_wonder": ("Now I have stopped and stared at my screen because of you.",),
    "question_for_you": ("I have an answer, but it needs a bench and the long way round the park.",),
    "making": ("I would love to see it before it is finished, those are the best moments.",),
    "laugh_at_myself": ("I laughed aloud on a very quiet train. Thank you, I think.",),
    "bad_at": ("Let us be dreadful at it together, I have a rare lack of talent as well.",),
    "strong_opinion": ("I disagree completely and would like to do so for several hours.",),
    "odd_habit": ("It needs no explaining, I do nearly the same thing, only with spoons.",),
    "would_not_give_up": ("Never give that up for anyone, me included.",),
    "people_i_admire": ("I would like to meet this person, and you on the way there.",),
    "enough": ("That is the wisest sentence about money that I know of.",),
    "stood_up": ("It takes courage to do that when everybody is looking. Were you afraid?",),
    "a_year_from_now": ("I have read worse plans for a Tuesday. Which film would it be?",),
    "teach_me": ("I could teach you this! In return I need help with nearly everything else.",),
    "quiet_together": ("Yes. Exactly that, and nobody turns the radio on.",),
    "make_room": ("I like how much air there is in this sentence.",),
}

ABOUT_PORTRAIT: Final = (
    "That picture made my afternoon lighter. Where was it taken?",
    "You look as if somebody had just told you very good news.",
    "I trust people who smile like this before noon.",
    "The colours, the light, the look: I would hang it on my wall, if that were not odd to say.",
)

ABOUT_ANYTHING: Final = (
    "I was going to bed, read your profile twice, and am now wide awake.",
    "You sound like somebody with whom a queue at the post office would be fun.",
    "Three answers and not one cliché. How long did that take you?",
    "My sister says that I write to nobody. She is about to lose a bet.",
    "I have a question about every line here. Shall I begin at the top?",
    "If we only had one hour and one bench, what would we talk about?",
    "Your words have a Sunday in them. I could use one.",
    "I liked you at the second answer and knew it at the third.",
)

TALKS: Final[tuple[tuple[str, ...], ...]] = (
    (
        "So we both like each other's terrible taste in films. Now what?",
        "Now you tell me what you are doing on Thursday.",
        "On Thursday I have choir until eight, and after that I am hungry and loud.",
        "Hungry and loud is my favourite kind of company. There is a noodle place behind the church.",
        "The one with the cat in the window?",
    ),
    (
        "Hello! I have been told to open with a question: which word do you always misspell?",
        "Rhythm. Every time. You?",
        "Embarrassed, and then I am.",
    ),
    (
        "Your answer made me laugh on the tram. People moved away from me.",
        "Then it has done its work. Which line was it?",
    ),
    ("I promised myself to write first this time. Hello!",),
    (
        "Quick test of character: last piece of cake, what do you do?",
        "I cut it in half, then I look for the knife again.",
        "Half of a half? You are dangerous.",
        "I prefer 'considerate to the very end'.",
    ),
)
"""What two who match write in turn."""
