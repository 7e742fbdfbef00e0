"""Messages are claimed by one worker at a time."""

from datetime import timedelta

from rolecall.work.delivery import claim, deliver


def test_two_workers_never_get_the_same_message(post, anna):
    post.queue(anna)
    with post.app.db.write() as session:
        moment = deliver.now(session)
        first = claim.claim(session, "email", limit=5, lease=timedelta(seconds=60), moment=moment)
        second = claim.claim(session, "email", limit=5, lease=timedelta(seconds=60), moment=moment)
    assert (len(first), len(second)) == (1, 0)

    with post.app.db.write() as session:
        (stolen,) = claim.claim(session, "email", limit=5, lease=timedelta(seconds=60), moment=moment + timedelta(seconds=61))
        assert not claim.begin(session, first[0], "<late@school>")
        assert claim.begin(session, stolen, "<new@school>")
