"""The words the sketch engine knows, as data: concept → words that call for it, in several languages.

Latin words match whole words, without accents; a trailing `*` matches any ending. Words in Chinese, Japanese or Korean
script match anywhere, as those scripts put no spaces.
"""

from __future__ import annotations

from collections.abc import Mapping

HOURS: Mapping[str, str] = {
    "dawn": (
        "dawn daybreak sunrise* morgen* sonnenaufgang* morning aube aurore amanecer alba alvorada 日出 朝日 "
        "黎明 清晨 夜明け 朝焼け"
    ),
    "golden": "golden_hour goldene_stunde late_afternoon heure_doree hora_dorada",
    "sunset": (
        "sunset* sundown sonnenuntergang* abendrot coucher_de_soleil atardecer puesta_de_sol tramonto ocaso "
        "日落 夕阳 夕陽 夕日 夕焼け 黄昏"
    ),
    "dusk": (
        "dusk twilight evening blue_hour gloaming dammerung daemmerung abend* crepuscul* crepuscolo anochecer "
        "soir 傍晚 薄暮 夕暮れ 夕方"
    ),
    "night": "night* midnight nocturnal nacht* nachts nuit noche* notte noite 夜 深夜 夜晚 밤",
    "day": (
        "noon midday day daytime daylight afternoon mittag* am_tag tagsuber en_plein_jour mediodia dia jour "
        "sunny sonnig* soleado ensoleille 白天 正午 中午 昼 真昼"
    ),
}

GROUNDS: Mapping[str, str] = {
    "sea": (
        "sea seas seascape ocean* waves surf shore coast coastal coastline* beach* tide* meer meere meeres "
        "meerblick ozean* wellengang wellen strand strande kuste kueste mer plage mar oceano* vagues olas "
        "playa spiaggia onde 海 大海 海洋 海岸 海滩 波浪 波 바다"
    ),
    "lake": (
        "lake* pond river* fjord* lagoon loch am_see der_see den_see einem_see ein_see einen_see "
        "gefrorener_see zugefrorener_see bergsee teich fluss lac etang riviere lago* rio laguna 湖 池塘 川 河 "
        "호수"
    ),
    "desert": (
        "desert* dune* sahara wuste wueste duna* dunas desierto deserto sables sanddunen 沙漠 砂漠 沙丘 砂丘 사막"
    ),
    "field": (
        "field* meadow* flower* wildflower* poppies poppy tulip* lavender sunflower* daisy daisies prairie "
        "grassland* wiese* blume* blumenfeld* feld prairies champs fleur* prado* flor flores campo* fiori "
        "prati 花 花田 花畑 草原 田野 꽃"
    ),
    "city": (
        "city cities cityscape* skyline* downtown skyscraper* metropolis street* town tokyo new_york "
        "manhattan hong_kong shanghai paris london berlin stadt* grossstadt* grosstadt wolkenkratzer "
        "hochhaus* ville gratte* ciudad* rascacielo* citta cidade 城市 都市 街 摩天 东京 東京 도시"
    ),
    "snowfield": (
        "tundra arctic antarctic* glacier* snowfield* icefield* arktis gletscher* schneelandschaft banquise "
        "glaciar* 雪原 冰川 氷河"
    ),
}

FEATURES: Mapping[str, str] = {
    "mountains": (
        "mountain* mount peak* alp alps alpine himalaya* summit* hill* hills ridge* canyon* cliff* valley* "
        "matterhorn fuji berg berge* bergen gebirge* gipfel hugel huegel tal montagne* colline* vallee "
        "montana* cerro* sierra* colina* montagna montagne montanha* 山 山脉 山脈 群山 山々 산"
    ),
    "forest": (
        "forest* wood woods woodland* pine pines pine_tree* fir firs spruce* tree* jungle taiga wald "
        "nadelwald walder waelder kiefer* tanne* tannen* baum* foret* sapin* arbre* bosque* pino* arbol* "
        "bosco foresta floresta 森 森林 树林 樹林 松 林 숲"
    ),
    "sun": "sun sunlight sunshine sunbeam* sonne sonnenschein soleil sol sole 太阳 太陽",
    "moon": ("moon* moonlit full_moon crescent mond mondlicht mondschein vollmond lune luna lua 月亮 月光 月 満月 달"),
    "stars": (
        "star stars starry starlight stargaz* milky_way galaxy galaxies constellation* sterne sternen "
        "sternenhimmel sternenklar milchstrasse etoile* estrell* stella stelle 星 星空 银河 銀河 별"
    ),
    "aurora": (
        "aurora* northern_light* polar_light* southern_light* polarlicht* nordlicht* aurore_boreale "
        "aurora_boreal* 极光 極光 オーロラ 오로라"
    ),
    "ice": (
        "frozen iceberg* sea_ice pack_ice icy gefroren* zugefroren* vereist* eis gelee glace* congelad* hielo "
        "ghiacciat* 冰 结冰 凍った 氷"
    ),
    "fire": (
        "campfire* bonfire* fire fires flame* fireplace ember* sparks lagerfeuer* feuer* flamme* funken feu "
        "feux flammes fuego* hoguera* fogata* fuoco falo 篝火 火 火焰 焚き火 炎 불"
    ),
    "haze": "heat hot haze hazy heisser heiss heisse heissen hitze chaud* calor caliente caldo 热 炎热 暑",
    "flowers": (
        "flower* wildflower* poppies poppy tulip* lavender sunflower* daisy daisies blossom* bloom* blume* "
        "blumen* bluten fleur* flor flores fiori 花 花田 花畑 꽃"
    ),
    "reflections": "wet reflection* reflecting puddle* nass* spiegel* reflet* reflej* 倒影 反射",
    "surf": ("crash* breaking surf rough swell* big_waves huge_waves brandung brechen* deferl* rompien* 波涛 荒波"),
}

WEATHERS: Mapping[str, str] = {
    "storm": (
        "storm* stormy thunder* tempest* hurricane* gale sturm* sturmisch* gewitter* unwetter orage* tempete "
        "tormenta* temporale tempestade 暴风雨 暴風雨 风暴 嵐 雷雨 폭풍"
    ),
    "lightning": (
        "lightning* thunder* thunderstorm* blitz* gewitter* eclair* foudre relampago* rayos fulmin* 闪电 閃電 "
        "雷 稲妻 稲光 번개"
    ),
    "rain": (
        "rain rains rainy rainfall raining drizzl* downpour shower* regen regentropfen regnerisch* regnet "
        "pluie* pluvieux lluvi* llueve pioggia chuva 雨 下雨 비"
    ),
    "snow": (
        "snow* snowfall snowing blizzard winter* schnee* schneit verschneit* neige* enneig* nieve* nevad* "
        "nevando neve 雪 下雪 吹雪 눈"
    ),
    "fog": (
        "fog* foggy mist mists misty haze nebel* neblig* dunst brume* brouillard niebla* neblina bruma* "
        "nebbia 雾 霧 薄雾 霞 안개"
    ),
    "clouds": (
        "cloud* clouds cloudy wolke* bewolkt* bewoelkt* nuage* nuageux nube* nublado nuvol* nuvem 云 雲 多云 구름"
    ),
    "overcast": ("overcast gray_sky grey_sky gloomy dreary bedeckt trub trueb couvert nublado cubierto 阴天 曇り"),
    "clear": "clear cloudless klar* wolkenlos* clair degage despejado sereno 晴 晴天 快晴",
    "wind": (
        "wind winds windy windswept breez* gust gusts gusty gale blowing windig* vent venteux viento* ventoso "
        "vento 风 風 바람"
    ),
}

BODIES: Mapping[str, str] = {
    "mars": "mars red_planet marte 火星",
    "earth": "planet_earth earth globe erde terre tierra terra 地球",
    "saturn": "saturn* saturne saturno 土星",
    "jupiter": "jupiter gas_giant gasriese giove 木星",
    "venus": "venus 金星",
    "neptune": "neptune uranus neptun nettuno neptuno ice_giant 海王星 天王星",
    "moon": "lunar moon mond lune luna 月球 月亮",
    "sun": "sun star sonne soleil sol 太阳 太陽",
    "planet": "planet* exoplanet* ringed rings ringplanet* alien_world planete* planeta* pianeta 行星 星球 惑星",
}

SPACE: str = (
    "space outer_space in_orbit orbiting_a_planet planet* exoplanet* cosmos cosmic universe weltraum "
    "weltall im_all espace espacio spazio cosmo* kosmos 太空 宇宙 行星 惑星 우주"
)

COLOURS: Mapping[str, str] = {
    "#e5322d": "red crimson scarlet ruby rot rote roten roter rouge* rojo* rosso rossa vermelh* 红 紅 赤",
    "#f2842a": "orange amber naranja arancione laranja 橙 橘 オレンジ",
    "#f6c431": ("yellow gold golden golden_light gelb* jaune* amarill* giallo gialla amarel* dore* dorad* 黄 金色"),
    "#45a84e": "green emerald grun* gruen* vert verte verts verde verdes 绿 緑",
    "#19a79c": "teal turquoise cyan aqua turkis* tuerkis* turquesa turchese 青绿 ターコイズ 青色",
    "#2f6fe0": "blue azure cobalt blau* bleu* azul* blu azzurr* 蓝 藍 青い",
    "#7a49d6": "purple violet lilac indigo lavender lila violett* pourpre morad* viola roxo 紫",
    "#f067a6": "pink magenta rose fuchsia rosa rosafarben* rosado* 粉 桃色 ピンク",
    "#f21fd0": "neon cyberpunk vaporwave synthwave ネオン 霓虹",
    "#8a5a35": "brown sepia braun* brun* marron* bruno castanho 棕 茶色",
    "#d9dee6": "white silver weiss* blanc* blanco* bianco branco 白色 银色 銀色",
}

MOVES: Mapping[str, str] = {
    "pan-left": (
        "pan_left panning_left pans_left move_left moving_left left_pan schwenk_nach_links "
        "schwenkt_nach_links panoramique_gauche a_la_izquierda 向左 左へ"
    ),
    "pan-right": (
        "pan_right panning_right pans_right move_right moving_right right_pan schwenk_nach_rechts "
        "schwenkt_nach_rechts panoramique_droite a_la_derecha 向右 右へ"
    ),
    "zoom-in": (
        "zoom zoom_in zooming zooming_in zooms_in push_in pushing_in dolly dolly_in dolly_forward "
        "flying_forward fly_over flythrough move_forward closer heranzoomen naher acercando 推近 ズームイン "
        "拉近"
    ),
    "zoom-out": (
        "zoom_out zooming_out zooms_out pull_back pulling_back pull_out dolly_out rauszoomen herauszoomen "
        "alejando 拉远 ズームアウト"
    ),
    "tilt-up": "tilt_up tilting_up tilts_up crane_up looking_up look_up 向上 上へ",
    "tilt-down": "tilt_down tilting_down tilts_down crane_down looking_down 向下 下へ",
    "orbit": (
        "orbit_shot orbiting_camera camera_orbit* camera_orbiting arc_shot parallax kamerafahrt tracking_shot 环绕"
    ),
    "pan-right-any": "pan panning schwenk schwenkt panoramique paneo",
}

PACES: Mapping[float, str] = {
    0.5: "slow slowly gently gentle calm calmly langsam* lentement lento lenta lentamente 缓慢 慢慢 ゆっくり",
    1.8: "fast quickly quick rapid rapidly schnell* rapide* rapidement rapido rapidamente veloce 快速 速く",
}

NEGATIONS: str = "no without ohne kein keine keinen sans sin senza sem"
