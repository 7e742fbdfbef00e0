"""Arabic: how core's messages read."""

from rolecall.sdk.template import TemplateText

VERIFICATION = TemplateText(
    subject="{institution}: أكّد عنوان بريدك الإلكتروني",
    body="""\
مرحبًا {first_name}،

أُدخل العنوان {email} بريدًا إلكترونيًا لحسابك في {institution}، اسم المستخدم {username}. افتح هذا الرابط لتأكيد أنه عنوانك:

{link}

يعمل الرابط مرة واحدة ولمدة {hours} ساعة. إذا لم تكن تتوقع هذه الرسالة، فلا تفعل شيئًا.
""",
)
CHANGED = TemplateText(
    subject="{institution}: تم تغيير البريد الإلكتروني لحسابك",
    body="""\
مرحبًا {first_name}،

تم تغيير البريد الإلكتروني لحسابك في {institution}، اسم المستخدم {username}. كان قبل ذلك {email}.

إذا كنت تعلم بذلك، فلا يلزم أي إجراء. وإلا فأبلغ المكتب فورًا.
""",
)

INVITATION = TemplateText(
    subject="{institution}: حسابك",
    body="""\
مرحبًا {first_name}،

فتح {institution} حسابًا لك.

اسم المستخدم: {username}
كلمة المرور الأولى: {password}
سجّل الدخول عبر {provider} بكلمة المرور الخاصة بك هناك.

اختر كلمة مرورك بهذا الرابط. يعمل مرة واحدة ولمدة {days} يومًا:

{link}

تسجيل الدخول على العنوان: {sign_in}

{provider_passwords}
""",
)

INVITED_AGAIN = TemplateText(
    subject="{institution}: أُعيد تعيين كلمة مرورك",
    body="""\
مرحبًا {first_name}،

أعاد المكتب تعيين كلمة مرور حسابك في {institution}. لم تعد الكلمة السابقة صالحة.

اسم المستخدم: {username}
كلمة المرور الأولى: {password}

اختر كلمة مرورك بهذا الرابط. يعمل مرة واحدة ولمدة {days} يومًا:

{link}

تسجيل الدخول على العنوان: {sign_in}

{provider_passwords}
""",
)

#: Every character counts.
TEXTED = TemplateText(
    subject="{institution}: حسابك",
    body="""\
{institution}: اسم المستخدم {username}.
سجّل الدخول عبر {provider}.
اختر كلمة مرورك خلال {days} يومًا: {link}
""",
)

FORGOTTEN = TemplateText(
    subject="{institution}: اختر كلمة مرور جديدة",
    body="""\
مرحبًا {first_name}،

طُلبت كلمة مرور جديدة لحسابك في {institution}، اسم المستخدم {username}. اخترها بهذا الرابط:

{link}

يعمل الرابط مرة واحدة ولمدة {minutes} دقيقة. إذا لم تطلبها أنت، فلا تفعل شيئًا: تبقى كلمة مرورك كما هي.
""",
)

PASSWORD_CHANGED = TemplateText(
    subject="{institution}: تم تغيير كلمة مرورك",
    body="""\
مرحبًا {first_name}،

تم تغيير كلمة مرور حسابك في {institution}، اسم المستخدم {username}. لم تعد الكلمة السابقة صالحة.

إذا كنت تعلم بذلك، فلا يلزم أي إجراء. وإلا فأبلغ المكتب فورًا.
""",
)

FACTOR_CHANGED = TemplateText(
    subject="{institution}: تم تغيير الخطوة الثانية لتسجيل الدخول",
    body="""\
مرحبًا {first_name}،

تم تغيير الرموز التي تُطلب إلى جانب كلمة مرور حسابك في {institution}، اسم المستخدم {username}: أُعدّ تطبيق أو رموز استرداد أو استُبدلت أو أُزيلت.

إذا كنت تعلم بذلك، فلا يلزم أي إجراء. وإلا فأبلغ المكتب فورًا.
""",
)

IDENTITY_LINKED = TemplateText(
    subject="{institution}: توجد طريقة جديدة لتسجيل الدخول إلى حسابك",
    body="""\
مرحبًا {first_name}،

رُبط حسابك في {institution}، اسم المستخدم {username}، بشخص لدى {service} يمكنه من الآن تسجيل الدخول إليه.

إذا كنت تعلم بذلك، فلا يلزم أي إجراء. وإلا فأبلغ المكتب فورًا.
""",
)

#: Every character counts.
FORGOTTEN_TEXTED = TemplateText(
    subject="{institution}: اختاروا كلمة مرور أخرى",
    body="""\
{institution}: كلمة مرور جديدة للحساب {username} خلال {minutes} دقيقة: {link}
""",
)

HELD = TemplateText(
    subject="{institution}: حسابات بانتظار قراركم",
    body="""\
كان من المقرر إغلاق حسابات في {provider}، وحدود الأمان في {institution} توقف ذلك حتى يطّلع عليه أحد:

عمليات التعليق: {suspensions}
عمليات الحذف: {deletions}
منها لمسؤولين وللمالك ولحسابات محمية: {guarded}

أصحاب هذه الحسابات وما يمكن تقريره: {link}

لن يُغلق شيء هناك قبل ذلك. ولن تُرسل رسالة أخرى بشأنه حتى يتخذ أحد قرارًا.
""",
)

ALERT = TemplateText(
    subject="{institution}: حدث أمر ينبغي أن تعرفوه",
    body="""\
حدث في {institution} أمر ينبغي أن تعرفوه:

{what}

من: {who}
متى: {when}

لمعرفة المزيد: {link}

وصلتكم هذه الرسالة لأن عنوانكم من عناوين التنبيه في الإعدادات.
""",
)
