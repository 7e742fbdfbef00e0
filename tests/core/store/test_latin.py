"""Names in Latin letters; every expected spelling comes from the rule or table that is named beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall.store.latin import to_latin

#: ELOT 743 (ISO 843:1997, type 2, transcription), the rules in brackets.
GREEK = [
    ("Γεώργιος Παπαδόπουλος", "Georgios Papadopoulos"),  # ω o, ου ou
    ("Ευάγγελος Αυγουστίδης", "Evangelos Avgoustidis"),  # ευ and αυ before a voiced letter; γγ ng
    ("Ευθύμιος Ναυτόπουλος", "Efthymios Naftopoulos"),  # ευ and αυ before a voiceless letter
    ("Ηύρα", "Ivra"),  # ηυ before a voiced letter
    ("Ζευς", "Zefs"),
    ("Ταΰ", "Tay"),  # αϋ with a dialytika is no diphthong
    ("Χάυδω", "Chaydo"),  # nor is άυ with the stress on the first letter
    ("Ταΰγετος", "Taygetos"),
    ("Χάϊδω", "Chaido"),
    ("Άγχος", "Anchos"),  # γχ nch
    ("Σφιγξ", "Sfinx"),  # γξ nx
    ("Γκίκας", "Gkikas"),  # γκ stays gk
    ("Μπάμπης", "Bampis"),  # μπ b at the beginning, mp inside
    ("Μπουμπουλίνα", "Boumpoulina"),
    ("Ντίνος", "Ntinos"),  # ντ nt
    ("Ξένια Ψάλτη", "Xenia Psalti"),
    ("Θεοχάρης", "Theocharis"),
    ("Υάκινθος", "Yakinthos"),
    ("ΧΡΗΣΤΟΣ ΨΩΜΑΣ", "CHRISTOS PSOMAS"),  # capitals stay capitals
    ("ΕΥΑΓΓΕΛΟΣ", "EVANGELOS"),
    ("ΜΠΑΛΑΣΚΑΣ", "BALASKAS"),
    ("Μαρία-Χριστίνα", "Maria-Christina"),  # each part of a double name by itself
    ("Γκολφινοπούλου-Μπέλλου", "Gkolfinopoulou-Bellou"),
    ("Ἀθηνᾶ", "Athina"),  # polytonic marks say nothing in Latin letters
]
#: ICAO Doc 9303 part 3, section 6 B, transliteration of Cyrillic characters.
RUSSIAN = [
    ("Юлия Щукина", "Iuliia Shchukina"),
    ("Владимир Ёлкин", "Vladimir Elkin"),
    ("Подъячев", "Podieiachev"),  # ъ ie
    ("Игорь Грачёв", "Igor Grachev"),  # ь is left out
    ("Цыганов Эдуард", "Tsyganov Eduard"),
    ("Жуковский Хабаров", "Zhukovskii Khabarov"),
    ("Чайка Шишкин", "Chaika Shishkin"),
    ("ЩУКИНА ЮЛИЯ", "SHCHUKINA IULIIA"),
    ("Римский-Корсаков", "Rimskii-Korsakov"),
]
#: Cabinet of Ministers of Ukraine, resolution 55 of 27 January 2010; the names are the examples of its table.
UKRAINIAN = [
    ("Алушта", "Alushta"),
    ("Борщагівка", "Borshchahivka"),
    ("Вінниця", "Vinnytsia"),
    ("Гадяч", "Hadiach"),
    ("Згорани", "Zghorany"),  # зг zgh
    ("Розгон", "Rozghon"),
    ("Ґалаґан", "Galagan"),
    ("Ґорґани", "Gorgany"),
    ("Єнакієве", "Yenakiieve"),  # є ye at the beginning, ie elsewhere
    ("Гаєвич", "Haievych"),
    ("Житомир", "Zhytomyr"),
    ("Їжакевич", "Yizhakevych"),
    ("Кадиївка", "Kadyivka"),
    ("Мар'їне", "Marine"),  # the apostrophe is left out
    ("Йосипівка", "Yosypivka"),
    ("Стрий", "Stryi"),
    ("Олексій", "Oleksii"),
    ("Стецько", "Stetsko"),
    ("Щербухи", "Shcherbukhy"),
    ("Гоща", "Hoshcha"),
    ("Юрій", "Yurii"),
    ("Корюківка", "Koriukivka"),
    ("Яготин", "Yahotyn"),
    ("Знам’янка", "Znamianka"),
    ("Феодосія", "Feodosiia"),
    ("ЗГУРСЬКИЙ ЯРОСЛАВ", "ZGHURSKYI YAROSLAV"),
    ("Нечуй-Яворницька", "Nechui-Yavornytska"),
]
#: ICAO Doc 9303 part 3, section 6 B, the exceptions that it makes for these languages.
BELARUSIAN = [
    ("Міхаіл Гаўрыленка", "Mikhail Haurylenka"),  # г h, ў u, і i
    ("Алёна Ігнатовіч", "Aliona Ihnatovich"),  # ё io
]
MACEDONIAN = [
    ("Ѓорѓи Ќосев", "Gjorgji Kjosev"),  # ѓ gj, ќ kj
    ("Христина Цветкова", "Hristina Cvetkova"),  # х h, ц c
    ("Љупчо Њагулов", "Ljupcho Njagulov"),
]
#: Bulgarian Transliteration Act of 2009 (State Gazette 19, 13 March 2009), the streamlined system.
BULGARIAN = [
    ("Щерю Ъгълов", "Shteryu Agalov"),  # щ sht, ъ a, ю yu
    ("Христо Йорданов", "Hristo Yordanov"),  # х h, й y
    ("Мария Янкова", "Maria Yankova"),  # ия at the end ia, я ya elsewhere
    ("Жельо Цанков", "Zhelyo Tsankov"),  # ь y
    ("МАРИЯ", "MARIA"),
]
#: The Serbian Latin alphabet, letter by letter (ђ đ, ж ž, ћ ć, ч č, џ dž, ш š), without marks.
SERBIAN = [
    ("Ђорђе Живковић", "Dorde Zivkovic"),
    ("Чедомир Џелатовић", "Cedomir Dzelatovic"),
    ("Љубиша Њежић", "Ljubisa Njezic"),
    ("Христина Цвијић", "Hristina Cvijic"),
    ("ЊЕГОШ", "NJEGOS"),
]
#: ICAO Doc 9303 part 3, section 6 A, transliteration of multinational Latin characters; the shortest of the spellings it allows.
LATIN = [
    ("Łukasz Žižek", None, "Lukasz Zizek"),
    ("José Muñoz", "es", "Jose Munoz"),
    ("Müller", None, "Muller"),
    ("Müller", "de", "Mueller"),
    ("Weiß", "de", "Weiss"),
    ("Ærø Ångstrøm", "da", "Aeroe Aangstroem"),
    ("Ångström", "sv", "Angstrom"),
    ("Þór Đorđević", None, "Thor Dordevic"),
    ("Şahin Işık", "tr", "Sahin Isik"),
    ("Nguyễn Thị Ưng", "vi", "Nguyen Thi Ung"),
]


@pytest.mark.parametrize(("name", "latin"), GREEK)
def test_greek_names_are_spelt_as_elot_743_says(name, latin):
    assert to_latin(name, "el") == latin


@pytest.mark.parametrize(("name", "latin"), RUSSIAN)
def test_russian_names_are_spelt_as_in_passports(name, latin):
    assert to_latin(name, "ru") == latin


@pytest.mark.parametrize(("name", "latin"), UKRAINIAN)
def test_ukrainian_names_are_spelt_as_the_resolution_says(name, latin):
    assert to_latin(name, "uk-UA") == latin


@pytest.mark.parametrize(
    ("name", "language", "latin"),
    [
        (name, language, latin)
        for language, names in (("be", BELARUSIAN), ("mk", MACEDONIAN), ("bg", BULGARIAN), ("sr-Cyrl", SERBIAN))
        for name, latin in names
    ],
)
def test_other_cyrillic_names_are_spelt_as_their_own_documents_do(name, language, latin):
    assert to_latin(name, language) == latin


@pytest.mark.parametrize(("name", "language", "latin"), LATIN)
def test_diacritics_are_dropped_or_written_out_by_language(name, language, latin):
    assert to_latin(name, language) == latin


def test_the_same_letter_is_read_by_the_language_of_the_person():
    assert to_latin("Григорович", "uk") == "Hryhorovych"
    assert to_latin("Григорович", "ru") == "Grigorovich"


def test_a_letter_that_only_ukrainian_has_tells_the_language():
    assert to_latin("Євген Григорович") == "Yevhen Hryhorovych"
    assert to_latin("Григорович") == "Grigorovich"


def test_other_alphabets_come_out_as_letters_to_search_by():
    assert to_latin("محمد", "ar").isascii()
    assert to_latin("Љубомир", "sr") == "Ljubomir"


@given(st.text(max_size=40), st.sampled_from([None, "el", "ru", "uk", "de", "ar"]))
def test_whatever_is_written_comes_out_in_ascii(text, language):
    assert to_latin(text, language).isascii()


def test_latin_letters_stay_as_they_are():
    assert to_latin("Anna O'Hara-Smith", "el") == "Anna O'Hara-Smith"
