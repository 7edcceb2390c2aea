"""Made-up instruction manuals: twenty sections in several languages and layouts, and requests that are about one each.

A section tells of its topic in words of its own, among sentences that all sections share and some that name another
topic. Requests use other forms of the words than the sections where the language has any.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TOPICS: Mapping[str, Sequence[str]] = {
    "en": (
        "Returns: returned parcel|returning, restocking fee|restocking, unopened box|unopened",
        "Refunds: refund|refunded, bank transfer|transferred, credit note|credit",
        "Shipping abroad: customs declaration|customs, freight forwarder|freight, import duty|duties",
        "Warranty: manufacturing defect|defective, serial number|serial, repair centre|repaired",
        "Passwords: password reset|passwords, recovery code|recovery, locked account|locked",
        "Invoices: invoice|invoiced, tax number|taxes, payment term|payment",
        "Gift cards: gift card|gift, balance check|balance, expiry date|expired",
        "Loyalty points: loyalty tier|loyalty, points earned|points, bonus campaign|bonus",
        "Price match: competitor price|competitor, price difference|cheaper, screenshot|screenshots",
        "Spare parts: spare part|spare, hinge|hinges, exploded drawing|drawing",
        "Assembly service: fitter|fitters, assembly visit|assembled, wall mounting|mounted",
        "Hazardous goods: lithium battery|batteries, aerosol can|aerosols, safety sheet|hazard",
        "Complaints: complaint|complain, ombudsman|ombudsman, apology letter|apologise",
        "Data protection: personal data|personal, deletion request|delete, consent form|consent",
        "Press enquiries: journalist|journalists, press office|press, embargo|embargoed",
        "Bulk orders: pallet|pallets, volume discount|volume, framework contract|framework",
        "Store pickup: pickup locker|locker, collection code|collect, opening hours|opening",
        "Fraud: stolen card|stolen, chargeback|chargebacks, identity check|identity",
        "Accessibility: screen reader|reader, wheelchair ramp|wheelchair, large print|print",
        "Recycling: recycling depot|recycle, old appliance|appliances, disposal charge|disposed",
    ),
    "de": (
        "Rückgabe: Rücksendung|Rücksendungen, Etikett|Etiketten, ungeöffnet|ungeöffnete",
        "Erstattung: Erstattungen|erstattet, Überweisung|überwiesen, Gutschrift|Gutschriften",
        "Auslandsversand: Zollerklärung|Zoll, Spedition|Speditionen, Einfuhr|Einfuhrabgaben",
        "Garantie: Materialfehler|fehlerhaft, Seriennummer|Seriennummern, Werkstatt|Werkstätten",
        "Zugang: Kennwort|Kennwörter, Wiederherstellung|wiederherstellen, gesperrt|Sperre",
        "Rechnungen: Rechnung|Rechnungen, Umsatzsteuer|Steuer, Mahnung|Mahnungen",
        "Gutscheine: Gutschein|Gutscheinen, Restwert|Restwerts, Ablauf|abgelaufen",
        "Treuepunkte: Treuestufe|Treue, Punktekonto|Punkte, Prämie|Prämien",
        "Ersatzteile: Ersatzteil|Ersatzteils, Scharnier|Scharniere, Zeichnung|Zeichnungen",
        "Aufbau: Monteur|Monteure, Aufbautermin|Aufbau, Wandhalter|Wandhalterung",
        "Gefahrgut: Lithiumakku|Lithium, Sprühdose|Sprühdosen, Datenblatt|Datenblätter",
        "Beschwerden: Beschwerde|beschweren, Schlichter|Schlichtung, Entschuldigung|entschuldigen",
    ),
    "es": (
        "Devoluciones: devolución|devolver, etiqueta|etiquetas, embalaje|embalado",
        "Reembolsos: reembolso|reembolsar, transferencia|transferir, abono|abonos",
        "Envíos al extranjero: aduana|aduanas, transitario|transitarios, arancel|aranceles",
        "Garantía: defecto|defectos, taller|talleres, reparación|reparaciones",
        "Contraseñas: contraseña|contraseñas, recuperación|recuperar, bloqueada|bloqueo",
        "Facturas: factura|facturas, impuesto|impuestos, vencimiento|vencida",
        "Tarjetas regalo: regalo|regalos, saldo|saldos, caducidad|caducada",
        "Recambios: recambio|recambios, bisagra|bisagras, plano|planos",
        "Montaje: montador|montadores, montaje|montar, pared|paredes",
        "Reclamaciones: reclamación|reclamar, mediador|mediadores, disculpa|disculpas",
    ),
    "ru": (
        "Возврат: возврат|возвратить, этикетка|этикетку, упаковка|упаковку",
        "Доставка: доставка|доставку, таможня|таможню, пошлина|пошлину",
        "Гарантия: гарантия|гарантии, мастерская|мастерской, дефект|дефекты",
        "Пароли: пароль|пароля, восстановление|восстановить, блокировка|заблокирован",
        "Счета: накладная|накладную, налог|налоги, просрочка|просрочен",
        "Запчасти: запчасть|запчасти, петля|петли, чертёж|чертежи",
        "Сборка: сборщик|сборщика, монтаж|монтажа, крепление|крепления",
        "Жалобы: жалоба|жалобу, посредник|посредника, извинение|извинения",
    ),
    "zh": (
        "退货: 退货|退货, 原包装|包装, 运费标签|标签",
        "退款: 退款|退款, 银行转账|转账, 贷记单|贷记",
        "海外配送: 海关申报|海关, 进口关税|关税, 货运代理|货运",
        "保修: 制造缺陷|缺陷, 序列号|序列号, 维修中心|维修",
        "密码: 密码重置|密码, 恢复代码|恢复, 账户锁定|锁定",
        "发票: 发票抬头|发票, 纳税人识别号|纳税, 付款期限|付款",
        "礼品卡: 礼品卡余额|礼品卡, 有效期|过期, 面值|面值",
        "备件: 备件目录|备件, 铰链|铰链, 爆炸图|图纸",
    ),
}
"""By language: titles, and what the sections (before the bar) and the requests (behind it) call their matters."""

SHARED: Mapping[str, Sequence[str]] = {
    "en": (
        "The agent notes the order number and the name of the customer before anything about {} is said.",
        "When a customer asks about {}, the answer names the next step and when it happens.",
        "If {} is not clear from the order, ask one question and wait for the answer.",
        "Cases of {} that take longer than five days go to the team lead with a short summary.",
        "For {} the form in the back office has to be filled in completely and sent on the same day.",
        "Orders of business customers follow the same steps, but {} is confirmed in writing.",
    ),
    "de": (
        "Der Mitarbeiter notiert die Bestellnummer, bevor er etwas über {} sagt.",
        "Fragt ein Kunde nach {}, nennt die Antwort den nächsten Schritt und den Tag.",
        "Ist {} aus der Bestellung nicht klar, wird genau eine Frage gestellt.",
        "Fälle von {} gehen nach fünf Tagen mit einer kurzen Notiz an die Leitung.",
    ),
    "es": (
        "El agente anota el número de pedido antes de hablar de {}.",
        "Cuando un cliente pregunta por {}, la respuesta nombra el siguiente paso y el día.",
        "Si {} no queda claro en el pedido, se hace una sola pregunta.",
        "Los casos de {} pasan después de cinco días a la dirección con una nota breve.",
    ),
    "ru": (
        "Сотрудник записывает номер заказа, прежде чем говорить про {}.",
        "Если клиент спрашивает про {}, ответ называет следующий шаг и день.",
        "Если {} не видно из заказа, задаётся один вопрос и записывается ответ.",
        "Случаи, где есть {}, через пять дней передаются руководителю с запиской.",
    ),
    "zh": (
        "客服在谈到{}之前先记下订单号和客户姓名。",
        "客户询问{}时，回答要说明下一步和日期。",
        "如果订单里看不出{}，就只问一个问题并等待回答。",
        "涉及{}的情况超过五天就附上简短说明转给主管。",
    ),
}

ASKS: Mapping[str, Sequence[str]] = {
    "en": (
        "Hello, I have a question: {} and {}, how does that work?",
        "My customer writes about {} and also {}. What now?",
    ),
    "de": ("Guten Tag, eine Frage: {} und {}, wie geht das?", "Mein Kunde schreibt wegen {} und {}. Was nun?"),
    "es": ("Hola, tengo una pregunta: {} y {}, ¿cómo funciona?", "Mi cliente escribe sobre {} y {}. ¿Qué hago?"),
    "ru": ("Здравствуйте, вопрос: {} и {}, как это работает?", "Клиент пишет про {} и {}. Что делать?"),
    "zh": ("你好，我想问一下{}和{}怎么处理？", "客户来信谈到{}还有{}，现在怎么办？"),
}

RULES: Mapping[str, str] = {
    "en": "Never give out a customer's address. Always answer in the customer's language.",
    "de": "Nenne niemals die Adresse eines Kunden. Antworte immer in der Sprache des Kunden.",
    "es": "Nunca des la dirección de un cliente. Responde siempre en el idioma del cliente.",
    "ru": "Никогда не называй адрес клиента. Всегда отвечай на языке клиента.",
    "zh": "不得透露客户的地址。必须用客户的语言回答。",
}

LAYOUTS = ("markdown", "underlined", "numbered", "dotted", "capitals", "tags", "bold", "chapters", "paragraphs")


@dataclass(frozen=True)
class Manual:
    """A manual with requests.

    Args:
        text (str): The instructions.
        rules (str): The rules in their first part.
        sections (tuple[str, ...]): The bodies of the sections, as they stand in the text.
        requests (tuple[tuple[str, int], ...]): Requests, each with the place of the section that it is about.
    """

    text: str
    rules: str
    sections: tuple[str, ...]
    requests: tuple[tuple[str, int], ...]


def manual(language: str, layout: str, *, seed: int = 0, sentences: int = 40, per_section: int = 3) -> Manual:
    """Make a manual up.

    Args:
        language (str): A key of `TOPICS`.
        layout (str): One of `LAYOUTS`.
        seed (int): Equal seeds give equal manuals.
        sentences (int): Sentences of each section.
        per_section (int): Requests about each section.
    """
    made = random.Random(f"{language} {layout} {seed}")
    topics = [_topic(line) for line in TOPICS[language]]
    joint = "" if language == "zh" else " "
    sections: list[str] = []
    for _, matters in topics:
        lines: list[str] = []
        for at in range(sentences):
            _, others = made.choice(topics) if made.random() < 0.15 else ("", matters)
            lines.append(made.choice(SHARED[language]).format(others[at % len(others)][0]))
        breaks = 1 if layout == "paragraphs" else min(8, sentences)
        groups = [joint.join(lines[at : at + sentences // breaks]) for at in range(0, sentences, sentences // breaks)]
        sections.append("\n\n".join(groups))
    titled = [
        _headed(layout, place, title, body)
        for place, ((title, _), body) in enumerate(zip(topics, sections, strict=True))
    ]
    requests: list[tuple[str, int]] = []
    for place, (_, matters) in enumerate(topics):
        for _ in range(per_section):
            first, second = made.sample(list(matters), 2)
            requests.append((made.choice(ASKS[language]).format(first[1], second[1]), place))
    made.shuffle(requests)
    rules = RULES[language]
    return Manual("\n\n".join((rules, *titled)), rules, tuple(sections), tuple(requests))


def _topic(line: str) -> tuple[str, Sequence[tuple[str, str]]]:
    title, matters = line.split(": ")
    pairs = [matter.split("|") for matter in matters.split(", ")]
    return title, [(first, second) for first, second in pairs]


def _headed(layout: str, place: int, title: str, body: str) -> str:
    heading = {
        "markdown": f"## {title}",
        "underlined": f"{title}\n{'-' * max(4, len(title))}",
        "numbered": f"{place + 1}. {title}",
        "dotted": f"{place // 5 + 1}.{place % 5 + 1} {title}",
        "capitals": title.upper(),
        "bold": f"**{title}**",
        "chapters": f"Section {place + 1}: {title}",
    }
    if layout == "tags":
        return f'<section name="{title}">\n{body}\n</section>'
    return f"{heading[layout]}\n\n{body}" if layout in heading else body
