"""The words of landscape and light, as data: concept → words that call for it, in twelve languages.

English, German, French, Spanish, Portuguese, Italian, Russian, Chinese, Japanese, Korean, Arabic and Hindi. Words are
matched whole, without accents; a trailing `*` matches any ending, and `_` stands for a space.
Words in Chinese and Japanese match anywhere, as those scripts put no spaces; Korean ones at the beginning of a word.
"""

from __future__ import annotations

from collections.abc import Mapping

HOURS: Mapping[str, str] = {
    "dawn": (
        "dawn daybreak sunrise* morgen* sonnenaufgang* morning aube aurore amanecer alba alvorada 日出 朝日 黎明 "
        "清晨 夜明け 朝焼け рассвет* утр* восход* 새벽 아침 일출 해돋이 فجر شروق صباح सुबह भोर सूर्योदय amanhecer "
        "nascer_do_sol 晨曦 first_light lever_du_soleil lever_de_soleil sol_nascente levar_del_sole"
    ),
    "golden": "golden_hour goldene_stunde late_afternoon heure_doree hora_dorada hora_dourada ora_d_oro 黄金时刻",
    "sunset": (
        "sunset* sundown sonnenuntergang* abendrot coucher_de_soleil atardecer puesta_de_sol tramonto ocaso 日落 "
        "夕阳 夕陽 夕日 夕焼け 黄昏 закат* 일몰 노을 석양 غروب الغروب सूर्यास्त por_do_sol poente "
        "couchers_de_soleil 落日 晚霞 sonnenuntergaenge"
    ),
    "dusk": (
        "dusk twilight evening blue_hour gloaming dammerung daemmerung abend* crepuscul* crepuscolo anochecer "
        "soir 傍晚 薄暮 夕暮れ 夕方 сумерк* вечер* 황혼 저녁 غسق مساء शाम गोधूलि entardecer serata tardecer "
        "黄昏时分"
    ),
    "night": (
        "night* midnight nocturnal nacht* nachts nuit noche* notte noite 夜 深夜 夜晚 밤 ноч* 밤하늘 한밤 ليل "
        "ليلا ليلة रात midnight_sky madrugada"
    ),
    "day": (
        "noon midday day daytime daylight afternoon mittag* am_tag tagsuber en_plein_jour mediodia dia jour sunny "
        "sonnig* soleado ensoleille 白天 正午 中午 昼 真昼 день днем полдень 낮 한낮 نهار दिन दोपहर meio_dia "
        "pomeriggio journee ensolarad* солнечн*"
    ),
}

GROUNDS: Mapping[str, str] = {
    "sea": (
        "sea seas seascape ocean* waves surf shore coast coastal coastline* tide* meer meere meeres meerblick "
        "ozean* wellengang wellen kuste kueste mer mar oceano* vagues olas onde 海 大海 海洋 海岸 波浪 波 바다 "
        "море моря морск* океан* берег* 파도 해안 بحر محيط سمندر समुद्र सागर लहरें ondas costa kust* ozeane "
        "oceani mare seaside shoreline bay harbor harbour port hafen 港"
    ),
    "lake": (
        "lake* pond fjord* lagoon loch am_see der_see den_see einem_see ein_see einen_see gefrorener_see "
        "zugefrorener_see bergsee teich lac etang riviere lago* laguna 湖 池塘 호수 озер* пруд* 연못 بحيرة झील "
        "तालाब lagoa 湖面 湖畔 湖水 湖泊"
    ),
    "desert": (
        "desert* dune* sahara wuste wueste duna* dunas desierto deserto sables sanddunen 沙漠 砂漠 沙丘 砂丘 사막 "
        "пустын* дюн* صحراء रेगिस्तान मरुस्थल 모래 tatooine dunes sand_dunes"
    ),
    "field": (
        "field* meadow* flower* wildflower* poppies poppy tulip* lavender daisy daisies prairie grassland* wiese* "
        "blume* blumenfeld* feld prairies champs fleur* prado* flor flores campo* fiori prati 花 花田 花畑 草原 "
        "田野 꽃 поле поля луг* цвет* 들판 초원 꽃밭 حقل حقول زهور खेत फूल फूलों मैदान flower_field campos 花园"
    ),
    "city": (
        "city cities cityscape* skyline* downtown skyscraper* metropolis town tokyo new_york manhattan hong_kong "
        "shanghai paris london berlin stadt* grossstadt* grosstadt wolkenkratzer hochhaus* ville gratte* ciudad* "
        "rascacielo* citta cidade 城市 都市 街 摩天 东京 東京 도시 город* мегаполис* 서울 도시의 مدينة المدينة "
        "शहर नगर cidades metropole 城 市区 city_lights grattacieli небоскреб*"
    ),
    "snowfield": (
        "tundra arctic antarctic* glacier* snowfield* icefield* arktis gletscher* schneelandschaft banquise "
        "glaciar* 雪原 冰川 氷河 ледник* тундр* арктик* антаркти* 빙하 남극 북극 القطب हिमनद 南极 北极 冰原 "
        "antartid* arktik* iceberg_field"
    ),
    "beach": (
        "beach beaches strand strande plage plages playa playas spiaggia spiagge praia praias пляж* 海滩 沙滩 "
        "砂浜 海边 海辺 浜辺 해변 바닷가 شاطئ الشاطئ समुद्र_तट seashore"
    ),
    "grass": (
        "wheat wheat_field* wheatfield* corn_field* cornfield* rice_field* barley grass tall_grass grassland* "
        "prairie pasture lawn weizenfeld* getreide gras ble champ_de_ble herbe trigo campo_de_trigo hierba trigal "
        "grama grano campo_di_grano erba пшениц* трав* 麦田 稻田 草地 麦畑 草むら 밀밭 잔디 قمح عشب गेहूं घास"
    ),
}

FEATURES: Mapping[str, str] = {
    "mountains": (
        "mountain* mount peak* alp alps alpine himalaya* summit* ridge* cliff* valley* matterhorn fuji berg "
        "berge* bergen gebirge* gipfel tal montagne* vallee montana* sierra* montagna montagne montanha* 山 山脉 "
        "山脈 群山 山々 산 гор горы горах горн* вершин* 산맥 جبل جبال पहाड़ पर्वत पहाड़ों 高山 山峰 富士山 "
        "montanhas monti cliffs himalayas mountaintop*"
    ),
    "forest": (
        "forest* wood woods woodland* pine pines pine_tree* fir firs spruce* taiga wald nadelwald walder waelder "
        "kiefer* tanne* tannen* foret* sapin* bosque* pino* bosco foresta floresta 森 森林 树林 樹林 松 林 숲 лес "
        "леса лесу лесн* дерев* 숲속 غابة जंगल वन 树木 林间 forests trees baume arbres arboles arvores alberi "
        "деревья деревьев"
    ),
    "sun": "sun sunlight sunshine sunbeam* sonne sonnenschein soleil sol sole 太阳 太陽 солнц* 태양 شمس सूरज सूर्य",
    "moon": (
        "moon* moonlit full_moon crescent mond mondlicht mondschein vollmond lune luna lua 月亮 月光 月 満月 달 "
        "луна луны луной лунн* 보름달 قمر القمر चांद चाँद चंद्रमा 明月 圆月 lunare luar"
    ),
    "stars": (
        "star stars starry starlight stargaz* milky_way galaxy galaxies constellation* sterne sternen "
        "sternenhimmel sternenklar milchstrasse etoile* estrell* stella stelle 星 星空 银河 銀河 별 звезд* 별이 "
        "نجوم तारे तारों 繁星 星光 estrelad* stellat*"
    ),
    "aurora": (
        "aurora* northern_light* polar_light* southern_light* polarlicht* nordlicht* aurore_boreale "
        "aurora_boreal* 极光 極光 オーロラ 오로라 северн*_сияни* полярн*_сияни* शफक الشفق_القطبي aurora_borealis"
    ),
    "ice": (
        "frozen iceberg* sea_ice pack_ice icy gefroren* zugefroren* vereist* eis gelee glace* congelad* hielo "
        "ghiacciat* 冰 结冰 凍った 氷 лед льд* замерзш* 얼음 얼어붙은 جليد बर्फ_की_झील congelad ghiaccio gelo ice "
        "ice_floe* ice_sheet* eisscholle* 冰面 льдин*"
    ),
    "fire": (
        "campfire* bonfire* fire fires flame* fireplace ember* sparks lagerfeuer* feuer* flamme* funken feu feux "
        "flammes fuego* hoguera* fogata* fuoco falo 篝火 火 火焰 焚き火 炎 불 костер костр* огонь огня пламя "
        "불꽃놀이 모닥불 نار आग अलाव fogueira"
    ),
    "haze": (
        "heat hot haze hazy heisser heiss heisse heissen hitze chaud* calor caliente caldo 热 炎热 暑 жар* 더위 حر गर्मी"
    ),
    "flowers": (
        "flower* wildflower* poppies poppy tulip* lavender daisy daisies blossom* bloom* blume* blumen* bluten "
        "fleur* flor flores fiori 花 花田 花畑 꽃 цветы цветов цветущ* زهور फूल फूलों"
    ),
    "reflections": "wet reflection* reflecting puddle* nass* spiegel* reflet* reflej* 倒影 反射 отраж* мокр* انعكاس",
    "surf": (
        "crash* breaking surf rough swell* big_waves huge_waves brandung brechen* deferl* rompien* 波涛 荒波 "
        "прибой волны волн 파도 أمواج लहर लहरें breakers"
    ),
    "hills": (
        "hill hills hugel huegel colline collines colina* collina холм* 언덕 pendiente hillside rolling_hills "
        "小山 山坡 丘 تل تلال पहाड़ी"
    ),
    "jungle": (
        "jungle jungles rainforest* rain_forest* tropical_forest* dschungel regenwald* selva selvas "
        "foresta_pluviale giungla джунгл* 丛林 雨林 热带雨林 ジャングル 熱帯雨林 정글 열대우림 غابة_استوائية"
    ),
}

WEATHERS: Mapping[str, str] = {
    "storm": (
        "storm* stormy thunder* tempest* hurricane* gale sturm* sturmisch* gewitter* unwetter orage* tempete "
        "tormenta* temporale tempestade 暴风雨 暴風雨 风暴 嵐 雷雨 폭풍 шторм* бур* гроза грозы 태풍 عاصفة तूफान "
        "tormentos*"
    ),
    "lightning": (
        "lightning* thunder* thunderstorm* blitz* gewitter* eclair* foudre relampago* rayos fulmin* 闪电 閃電 雷 "
        "稲妻 稲光 번개 молни* 천둥 برق बिजली raio raios relampag*"
    ),
    "rain": (
        "rain rains rainy rainfall raining drizzl* downpour shower* regen regentropfen regnerisch* regnet pluie* "
        "pluvieux lluvi* llueve pioggia chuva 雨 下雨 비 дожд* 빗속 مطر أمطار बारिश वर्षा chuvos* piovos* 细雨 "
        "大雨 雨天"
    ),
    "snow": (
        "snow* snowfall snowing blizzard winter* schnee* schneit verschneit* neige* enneig* nieve* nevad* nevando "
        "neve 雪 下雪 吹雪 눈 снег* снежн* 눈이 눈_내리는 ثلج ثلوج बर्फ हिमपात नेव* nevos* innevat* 大雪 雪花 "
        "雪景 雪地 snowy snow_covered"
    ),
    "fog": (
        "fog* foggy mist mists misty haze nebel* neblig* dunst brume* brouillard niebla* neblina bruma* nebbia 雾 "
        "霧 薄雾 霞 안개 туман* дымк* ضباب कोहरा névoa nevoa"
    ),
    "clouds": (
        "cloud* clouds cloudy wolke* bewolkt* bewoelkt* nuage* nuageux nube* nublado nuvol* nuvem 云 雲 多云 구름 "
        "облак* туч* 구름이 غيوم سحب बादल nuvens 白云 云海 nubes"
    ),
    "overcast": (
        "overcast gray_sky grey_sky gloomy dreary bedeckt trub trueb couvert nublado cubierto 阴天 曇り пасмурн* "
        "nublad cinzent*"
    ),
    "clear": (
        "clear cloudless klar* wolkenlos* clair degage despejado sereno 晴 晴天 快晴 ясн* безоблачн* صاف साफ "
        "limpo blue_sky cielo_azul ciel_bleu blauer_himmel blauem_himmel ceu_azul cielo_azzurro голуб*_неб* 蓝天 "
        "青空 푸른_하늘 سماء_زرقاء नीला_आसमान नीले_आसमान"
    ),
    "wind": (
        "wind winds windy windswept breez* gust gusts gusty gale blowing windig* vent venteux viento* ventoso "
        "vento 风 風 바람 ветер ветр* رياح हवा ventania"
    ),
}

BODIES: Mapping[str, str] = {
    "mars": "mars red_planet marte 火星 марс* 화성 المريخ मंगल",
    "earth": ("planet_earth earth globe erde terre tierra terra 地球 planeta_terra планет*_земл* 지구 كوكب_الأرض पृथ्वी"),
    "saturn": "saturn* saturne saturno 土星 сатурн* 토성 زحل शनि",
    "jupiter": "jupiter gas_giant gasriese giove 木星 юпитер* 목성 المشتري बृहस्पति",
    "venus": "venus 金星 венер* 금성 الزهرة",
    "neptune": "neptune uranus neptun nettuno neptuno ice_giant 海王星 天王星 нептун*",
    "moon": "lunar moon mond lune luna 月球 月亮 달",
    "sun": "sun star sonne soleil sol 太阳 太陽",
    "planet": (
        "planet* exoplanet* ringed rings ringplanet* alien_world planete* planeta* pianeta 行星 星球 惑星 планет* "
        "행성 كوكب ग्रह planetas"
    ),
}

SPACE: str = (
    "space outer_space in_orbit orbiting_a_planet planet* exoplanet* cosmos cosmic universe weltraum weltall "
    "im_all espace espacio spazio cosmo* kosmos 太空 宇宙 行星 惑星 우주 космос* космич* فضاء الفضاء अंतरिक्ष "
    "espaco espaço_sideral galaxy nebula* galaxias"
)

COLOURS: Mapping[str, str] = {
    "#e5322d": (
        "red crimson scarlet ruby rot rote roten roter rouge* rojo* rosso rossa vermelh* 红 紅 赤 красн* алый "
        "빨간 붉은 أحمر حمراء लाल 红色 赤い 紅色 rosse rossi roja rojas"
    ),
    "#f2842a": "orange amber naranja arancione laranja 橙 橘 オレンジ оранжев* 주황 برتقالي नारंगी 橙色 橘色",
    "#f6c431": (
        "yellow gold golden golden_light gelb* jaune* amarill* giallo gialla amarel* dore* dorad* 黄 金色 желт* "
        "золот* 노란 황금 أصفر صفراء ذهبي पीला पीली पीले सुनहरा 黄色 金色的 黄色い dourad* dorat*"
    ),
    "#45a84e": (
        "green emerald grun* gruen* vert verte verts verde verdes 绿 緑 зелен* 초록 녹색 أخضر خضراء हरा हरी हरे "
        "绿色 緑の"
    ),
    "#19a79c": (
        "teal turquoise cyan aqua turkis* tuerkis* turquesa turchese 青绿 ターコイズ 青色 бирюзов* 청록 فيروزي फ़िरोज़ी"
    ),
    "#2f6fe0": (
        "blue azure cobalt blau* bleu* azul* blu azzurr* 蓝 藍 青い син* голуб* 파란 푸른 أزرق زرقاء नीला नीली "
        "नीले 蓝色 blaue"
    ),
    "#7a49d6": (
        "purple violet lilac indigo lavender lila violett* pourpre morad* viola roxo 紫 фиолетов* 보라 بنفسجي बैंगनी 紫色"
    ),
    "#f067a6": (
        "pink magenta rose fuchsia rosa rosafarben* rosado* 粉 桃色 ピンク розов* 분홍 وردي गुलाबी 粉色 粉红 ピンク色"
    ),
    "#f21fd0": "neon cyberpunk vaporwave synthwave ネオン 霓虹 неон* 네온 نيون",
    "#8a5a35": "brown sepia braun* brun* marron* bruno castanho 棕 茶色 коричнев* 갈색 بني भूरा 棕色 褐色 茶色い",
    "#d9dee6": (
        "white silver weiss* blanc* blanco* bianco branco 白色 银色 銀色 бел* серебр* 하얀 흰 أبيض بيضاء सफेद "
        "सफ़ेद 白 白い prateado bianc* blanca blancas branca"
    ),
    "#2a2a2e": (
        "black schwarz* noir noire noirs negro negra negros preto preta ner* черн* 黑 黑色 黒 黒い 검은 검정 أسود "
        "سوداء काला काली काले"
    ),
    "#8a9098": "gray grey grau* gris gri* cinza grigi* сер* 灰色 灰 グレー 회색 رمادي",
}
