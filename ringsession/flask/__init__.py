"""Use ringsession in Flask: `RingSession(app)` replaces `flask.session` and `flask.flash`."""

try:
    from .app_config import flask_defaults as flask_defaults
    from .csrf_error import CSRFError as CSRFError
    from .extension import RingSession as RingSession
    from .logins import confirm as confirm
    from .logins import recreate as recreate
    from .logins import user_sessions as user_sessions
    from .session import FlaskSession as FlaskSession
except ModuleNotFoundError as error:
    if error.name != "flask":
        raise
    problem = "ringsession.flask needs Flask: pip install 'ringsession[flask]'"
    raise ModuleNotFoundError(problem, name="flask") from None
