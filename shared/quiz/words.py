"""What is said to two people about a trait they share or differ in, from the viewer's side."""

from dataclasses import dataclass
from typing import Final

from shared.quiz.traits import Trait


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence for each way in which two people can stand to each other in a trait."""

    both_low: str
    both_middle: str
    both_high: str
    i_have_more: str
    they_have_more: str


WORDS: Final = {
    Trait.SOCIAL_ENERGY: Words(
        both_low="Quiet hours fill you both up, so an evening on the sofa can be a feast.",
        both_middle="You both like company and quiet in turn, so there is a time for each.",
        both_high="You both come alive among people, so there will always be one more chair at the table.",
        i_have_more="You fill up more in company and they more in quiet: you bring stories, they bring calm.",
        they_have_more="You fill up more in quiet and they more in company: you bring calm, they bring stories.",
    ),
    Trait.SPONTANEITY: Words(
        both_low="You both like to know what is coming, so what you plan together will happen.",
        both_middle="You both like a plan with room in it, so a day can be looked forward to and still surprise you.",
        both_high="You both like to leave the day open, so your best days may be those that nobody planned.",
        i_have_more="You would rather leave the day open and they would rather plan it: take turns in who decides.",
        they_have_more="You would rather plan the day and they would rather leave it open: take turns in who decides.",
    ),
    Trait.EMOTIONAL_OPENNESS: Words(
        both_low="You both let a feeling ripen before you show it, so neither of you will be hurried.",
        both_middle="You both speak of feelings when it counts, and leave the rest to be noticed.",
        both_high="You both say what moves you, so neither of you has to guess.",
        i_have_more="You say what moves you sooner and they let it ripen longer: a little patience will be rewarded.",
        they_have_more="You let a feeling ripen longer and they say it sooner: a small word from you will mean much.",
    ),
    Trait.DIRECTNESS: Words(
        both_low="You both look for the gentle way to say a thing, so even hard talks can be soft.",
        both_middle="You both know when to speak plainly and when to tread lightly.",
        both_high="You both say a thing as it is, so you will always know where you stand.",
        i_have_more="You speak more plainly and they more gently: between you there is a tone for everything.",
        they_have_more="You speak more gently and they more plainly: between you there is a tone for everything.",
    ),
    Trait.INDEPENDENCE: Words(
        both_low="You both like to share your days, so neither of you has to ask for time together.",
        both_middle="You both want a shared life in which a door may be closed now and then.",
        both_high="You both keep a life of your own, so there will be air between you and much to tell.",
        i_have_more="You want more time for yourself and they more time together: say early which evenings are whose.",
        they_have_more="You want more time together and they more for themself: say early which evenings are whose.",
    ),
    Trait.ADVENTURE: Words(
        both_low="You both go deep into what you love, so a favourite place will soon be your place.",
        both_middle="You both like something new now and then, and a place to come back to.",
        both_high="What is new draws you both, so your map will fill up fast.",
        i_have_more="What is new draws you more, and what is dear already draws them: show each other one of each.",
        they_have_more="What is dear already draws you more, and what is new draws them: show each other one of each.",
    ),
}

NOT_FAR_APART: Final = "Nothing sets you far apart; the most there may be is a shade of {trait}."

ESTIMATES: Final = {
    # (whether the viewer has yet to take the quiz, whether the other has)
    (
        True,
        False,
    ): "You have not taken the quiz yet, so this is an estimate by what is usual here.",
    (False, True): "They have not taken the quiz yet, so this is an estimate by what is usual here.",
    (True, True): "Neither of you has taken the quiz yet, so this is no more than a friendly guess.",
}
