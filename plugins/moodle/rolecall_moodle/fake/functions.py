"""The web service functions of the fake site by their names, and the one that tells about the site itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rolecall_moodle.fake import cohorts, courses, enrolments, users
from rolecall_moodle.fake.site import Caller, Site


def site_info(site: Site, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Tell what the site is, who calls, and which functions the token may call."""
    user = caller.user
    granted = caller.token.functions
    return {
        "sitename": site.name,
        "username": user["username"],
        "firstname": user["firstname"],
        "lastname": user["lastname"],
        "fullname": f"{user['firstname']} {user['lastname']}",
        "lang": user["lang"],
        "userid": user["id"],
        "siteurl": site.base_url,
        "userpictureurl": f"{site.base_url}/theme/image.php/boost/core/1/u/f1",
        "functions": [{"name": name, "version": site.version} for name in FUNCTIONS if granted is None or name in granted],
        "downloadfiles": 0,
        "uploadfiles": 0,
        "release": site.release,
        "version": site.version,
        "mobilecssurl": "",
        "advancedfeatures": [{"name": "usecomments", "value": 1}, {"name": "messaging", "value": 1}],
        "usercanmanageownfiles": True,
        "userquota": 104857600,
        "usermaxuploadfilesize": 2097152,
        "userhomepage": 1,
        "userprivateaccesskey": "<user-access-key>",
        "siteid": 1,
        "sitecalendartype": "gregorian",
        "usercalendartype": "gregorian",
        "userissiteadmin": False,
        "theme": "boost",
        "limitconcurrentlogins": 0,
    }


FUNCTIONS: dict[str, Callable[[Site, Caller, dict[str, Any]], Any]] = {
    "core_webservice_get_site_info": site_info,
    "core_user_create_users": users.create_users,
    "core_user_get_users_by_field": users.get_users_by_field,
    "core_user_get_users": users.get_users,
    "core_user_update_users": users.update_users,
    "core_user_delete_users": users.delete_users,
    "core_cohort_create_cohorts": cohorts.create_cohorts,
    "core_cohort_get_cohorts": cohorts.get_cohorts,
    "core_cohort_get_cohort_members": cohorts.get_cohort_members,
    "core_cohort_add_cohort_members": cohorts.add_cohort_members,
    "core_cohort_delete_cohort_members": cohorts.delete_cohort_members,
    "core_course_create_courses": courses.create_courses,
    "core_course_update_courses": courses.update_courses,
    "core_course_get_courses_by_field": courses.get_courses_by_field,
    "core_course_get_categories": courses.get_categories,
    "enrol_manual_enrol_users": enrolments.enrol_users,
    "enrol_manual_unenrol_users": enrolments.unenrol_users,
    "core_enrol_get_enrolled_users": enrolments.get_enrolled_users,
    "core_group_create_groups": enrolments.create_groups,
    "core_group_get_course_groups": enrolments.get_course_groups,
    "core_group_add_group_members": enrolments.add_group_members,
}

#: Functions that a real Moodle has and this site's service never offers.
ELSEWHERE = frozenset({"core_message_send_instant_messages", "core_user_get_user_preferences", "core_course_get_courses"})
