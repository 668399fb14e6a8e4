"""A Django project as a user would have it: the app under which the tests run."""
