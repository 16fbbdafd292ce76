"""Scenes, effects, camera, pace, style, numbers and negations, as data (see `landscape.py`)."""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS: Mapping[str, str] = {
    "underwater": (
        "underwater under_water under_the_sea beneath_the_sea deep_sea coral coral_reef* reef reefs aquarium* "
        "seabed ocean_floor sea_floor scuba diver divers diving seaweed kelp_forest unterwasser unter_wasser "
        "korallenriff* korallen aquarium meeresgrund taucher* sous_l_eau sous_marin* recif* corail coraux "
        "fonds_marins bajo_el_agua submarino arrecife* corales acuario fondo_marino fondo_del_mar debaixo_d_agua "
        "debaixo_da_agua subaquatic* recife* corais aquario fundo_do_mar sott_acqua subacque* barriera_corallina "
        "coralli acquario fondale под_водой подводн* коралл* аквариум* 水下 海底 珊瑚 珊瑚礁 水族馆 水中 海中 "
        "サンゴ 水族館 수중 바닷속 산호 산호초 수족관 تحت_الماء تحت_البحر شعاب_مرجانية مرجان पानी_के_नीचे "
        "समुद्र_के_नीचे मूंगा"
    ),
    "canyon": (
        "canyon* gorge mesa mesas badlands monument_valley ravine canyon schlucht* gorges canon canones barranco "
        "desfiladero canion desfiladeiro gola каньон* ущель* 峡谷 大峡谷 渓谷 キャニオン 협곡 캐니언 وادي أخدود "
        "घाटी कैन्यन"
    ),
    "volcano": (
        "volcan* lava magma erupt* eruption vulkan* ausbruch lave erupcion vulcao vulcoes erupcao vulcan* "
        "eruzione вулкан* лав* изверж* 火山 岩浆 熔岩 溶岩 噴火 화산 용암 بركان براكين حمم ज्वालामुखी लावा"
    ),
    "waterfall": (
        "waterfall* cascade* niagara iguazu falls wasserfall* wasserfalle chute_d_eau chutes_d_eau cascada* "
        "catarata* salto_de_agua cachoeira* cascata* cascata cascate водопад* 瀑布 滝 폭포 شلال شلالات झरना झरने "
        "जलप्रपात"
    ),
    "river": (
        "river rivers stream streams creek brook rapids canal riverbank fluss flusse fluesse bach kanal riviere* "
        "ruisseau fleuve rio rios arroyo riachuelo riacho ribeirao fiume fiumi ruscello torrente canale рек* "
        "ручей руче* канал 河流 小溪 江 河 溪流 川 小川 運河 강 개울 시냇물 نهر أنهار جدول नदी नदियां नाला"
    ),
    "street": (
        "street streets alley alleys alleyway sidewalk crosswalk boulevard avenue market shops storefront* "
        "shibuya times_square old_town pavement lamppost street_lamp* street_light* traffic_light* "
        "cafe_terrace strasse strassen gasse gassen gehweg bahnhofstrasse altstadt markt rue rues ruelle* "
        "trottoir marche calle calles callejon acera avenida mercado rua ruas beco calcada strada via vicolo "
        "vicoli marciapiede mercato улиц* переул* тротуар* рынок 街道 街头 小巷 胡同 人行道 街上 商店街 通り 路地 "
        "街角 歩道 渋谷 横丁 거리 골목 인도 시장 길거리 شارع شوارع زقاق سوق सड़क_पर गली बाजार"
    ),
    "road": (
        "road roads highway* motorway* freeway* route_66 country_road racetrack race_track racing landstrasse "
        "autobahn* rennstrecke route routes autoroute* circuit carretera* autopista* camino estrada* rodovia* "
        "strada strade autostrad* дорог* шоссе трасс* 公路 高速公路 马路 道路 高速道路 道 도로 고속도로 길 طريق "
        "طرق सड़क राजमार्ग"
    ),
    "aerial": (
        "aerial aerial_view aerial_shot drone drones drone_shot drone_view drone_footage birds_eye bird_s_eye "
        "top_down overhead_shot seen_from_above view_from_above flyover aerial_footage helicopter_view "
        "luftaufnahme* luftbild drohne* drohnenaufnahme vogelperspektive von_oben vue_aerienne vu_du_ciel drone* "
        "aerien* vista_aerea aereo aerea dron veduta_aerea dall_alto аэросъемк* дрон* с_высоты вид_сверху 航拍 "
        "俯瞰 鸟瞰 无人机 空撮 ドローン 上空から 항공 드론 조감 منظر_جوي طائرة_بدون_طيار हवाई_दृश्य ड्रोन"
    ),
    "room": (
        "room bedroom living_room kitchen indoors indoor interior window windowsill office classroom cafe "
        "restaurant bar zimmer schlafzimmer wohnzimmer kuche kueche drinnen fenster fensterbank chambre salon "
        "cuisine interieur fenetre habitacion dormitorio sala cocina ventana oficina quarto sala_de_estar cozinha "
        "janela camera_da_letto stanza soggiorno cucina interno finestra ufficio комнат* спальн* кухн* окн* офис* "
        "房间 卧室 客厅 厨房 室内 窗台 窗 办公室 部屋 寝室 台所 窓 窓辺 オフィス 방안 침실 거실 부엌 실내 창문 "
        "창가 غرفة مطبخ داخل نافذة कमरा कमरे रसोई खिड़की"
    ),
    "table": (
        "table tabletop wooden_table dining_table countertop tisch holztisch esstisch table_en_bois sur_la_table "
        "mesa mesa_de_madeira tavolo tavola стол столе столом 桌子 桌上 木桌 餐桌 テーブル 机 食卓 테이블 탁자 "
        "식탁 طاولة مائدة मेज टेबल"
    ),
    "stage": (
        "stage concert nightclub ballroom disco theater theatre spotlight buhne konzert disko tanzsaal "
        "scene_de_concert discotheque escenario concierto discoteca teatro palco concerto palcoscenico сцен* "
        "концерт* дискотек* театр* 舞台 音乐会 演唱会 ステージ コンサート 무대 콘서트 مسرح حفلة मंच"
    ),
    "savanna": (
        "savanna* savannah safari serengeti africa african plains savanne afrika savane afrique sabana savana "
        "саванн* сафари африк* 草原 非洲 热带草原 サバンナ アフリカ 사바나 아프리카 سافانا أفريقيا सवाना अफ्रीका"
    ),
    "heights": (
        "in_the_sky across_the_sky through_the_sky sky skies am_himmel himmel dans_le_ciel ciel en_el_cielo cielo "
        "no_ceu ceu nel_cielo в_небе небо небе небу 天空 空中 空 大空 하늘 السماء سماء आसमान आकाश"
    ),
    "park": (
        "park garden gardens park_bench botanical backyard courtyard garten stadtpark parc jardin jardins parque "
        "jardines jardim parco giardino giardini парк* сад саду сады 公园 花园 庭院 公園 庭 庭園 공원 정원 حديقة "
        "حدائق बगीचा उद्यान पार्क"
    ),
    "moonscape": (
        "on_the_moon moon_surface surface_of_the_moon lunar_surface on_mars surface_of_mars martian_surface "
        "alien_planet_surface auf_dem_mond auf_dem_mars mondoberflache sur_la_lune sur_mars en_la_luna en_marte "
        "na_lua em_marte sulla_luna su_marte на_луне на_марсе 月球表面 月球上 火星上 火星表面 月面 月の上 "
        "火星の上 달_표면 달에서 화성에서 على_القمر على_المريخ चांद_पर चाँद_पर मंगल_पर"
    ),
    "island": (
        "island* islands atoll maldives hawaii bora_bora caribbean insel inseln karibik ile iles caraibes isla "
        "islas caribe ilha ilhas isola isole caraibi остров* 岛 海岛 小岛 岛屿 島 離島 섬 جزيرة جزر द्वीप"
    ),
    "cloudsea": (
        "above_the_clouds over_the_clouds through_the_clouds sea_of_clouds in_the_clouds between_the_clouds "
        "uber_den_wolken ueber_den_wolken au_dessus_des_nuages dans_les_nuages sobre_las_nubes entre_las_nubes "
        "acima_das_nuvens sopra_le_nuvole tra_le_nuvole над_облаками 云端 云层之上 云海 雲の上 雲海 구름_위 "
        "فوق_الغيوم बादलों_के_ऊपर"
    ),
}

HINTS: Mapping[str, str] = {
    "room": (
        "piano* armchair desk* bed carpet fireplace_room studio gym museum hospital television tv "
        "computer laptop keyboard oven fridge refrigerator sink bathtub chair chairs shelf wardrobe curtain* "
        "violin* drum* klavier bett schreibtisch stuhl fernseher geige piano lit bureau chaise "
        "ordinateur violon cama escritorio silla ordenador violin escrivaninha cadeira computador violino "
        "pianoforte letto scrivania sedia пианино кроват* стол_письменный стул* компьютер* скрипк* "
        "钢琴 床 椅子 电脑 电视 小提琴 ピアノ ベッド パソコン テレビ バイオリン 피아노 침대 의자 "
        "컴퓨터 바이올린 بيانو سرير كرسي حاسوب كمان पियानो बिस्तर कुर्सी कंप्यूटर वायलिन"
    ),
}
"""Things that are not drawn, but say where the scene is."""

UNDRAWN: str = (
    "koala_bear* koala* hot_dog* fire_hydrant* sea_lion* sea_horse* seahorse* guinea_pig* parking_meter* "
    "stop_sign* traffic_light* fire_engine* starfish sea_urchin* dragon* monkey* gorilla* raccoon* squirrel* "
    "hedgehog* pig pigs crocodile* snake* frog* dinosaur* t_rex kangaroo* camel* sloth* otter* hamster* mouse "
    "mice rat rats lizard* chameleon* snail* spider* ant ants crab crabs lobster* drache* affe affen "
    "eichhornchen* schwein* schlange* frosch* dinosaurier* kamel* singe* ecureuil* cochon* serpent* "
    "grenouille* dinosaure* chameau* mono monos ardilla* cerdo* serpiente* rana* dinosaurio* camello* macaco* "
    "esquilo* porco* cobra* sapo* dinossauro* camelo* scimmi* scoiattol* maial* cammell* дракон* обезьян* "
    "белк* свинь* зме* лягушк* динозавр* верблюд* 龙 猴子 松鼠 猪 蛇 青蛙 恐龙 骆驼 竜 龍 ドラゴン 猿 リス 豚 "
    "カエル 恐竜 ラクダ 용이 원숭이 다람쥐 돼지 개구리 공룡 낙타 تنين قرد سنجاب خنزير أفعى ضفدع ديناصور جمل "
    "बंदर गिलहरी सूअर सांप मेंढक डायनासोर ऊंट"
)
"""Names that hold the name of something else."""

EFFECTS: Mapping[str, str] = {
    "fireworks": (
        "firework* feuerwerk* feu_d_artifice feux_d_artifice fuegos_artificiales fogos_de_artificio "
        "fuochi_d_artificio фейерверк* салют* 烟花 焰火 烟火 花火 불꽃놀이 ألعاب_نارية الألعاب_النارية आतिशबाजी"
    ),
    "rainbow": ("rainbow* regenbogen arc_en_ciel arcoiris arco_iris arcobaleno радуг* 彩虹 虹 무지개 قوس_قزح इंद्रधनुष"),
    "falling leaves": (
        "falling_leaves leaves_falling autumn_leaves fall_leaves leaves fallende_blatter blatter herbstlaub laub "
        "feuilles feuilles_mortes hojas hojas_secas folhas folhas_secas foglie листь* листопад* 落叶 枫叶 落ち葉 "
        "紅葉 낙엽 أوراق_الشجر पत्ते पत्तियां"
    ),
    "petals": (
        "petal petals cherry_blossom* sakura blossom blossoms blutenblatter bluetenblaetter kirschbluten petale* "
        "petalo* petala* petalo petali лепест* сакур* 花瓣 樱花 花びら 桜 꽃잎 벚꽃 بتلات पंखुड़ी पंखुड़ियां"
    ),
    "fireflies": (
        "firefly fireflies glowworm* gluhwurmchen luciole* luciernaga* vagalume* lucciola lucciole светлячк* "
        "萤火虫 蛍 ホタル 반딧불 يراعات जुगनू"
    ),
    "meteors": (
        "meteor* shooting_star* falling_star* comet comets sternschnuppe* komet* etoile_filante etoiles_filantes "
        "meteore* comete* estrella_fugaz estrellas_fugaces meteoro* cometa estrela_cadente estrelas_cadentes "
        "stella_cadente stelle_cadenti meteora meteore падающ*_звезд* метеор* комет* 流星 流星雨 彗星 流れ星 유성 "
        "별똥별 혜성 شهب نيازك شهاب टूटता_तारा उल्का"
    ),
    "bubbles": (
        "bubble bubbles soap_bubbles seifenblase* blasen bulle bulles burbuja* pompas bolha bolhas bolla bolle "
        "пузыр* 泡泡 气泡 泡 シャボン玉 거품 비눗방울 فقاعات बुलबुले"
    ),
    "confetti": "confetti konfetti confettis confeti confete coriandoli конфетти 彩纸 紙吹雪 색종이 قصاصات कंफ़ेटी",
}

MOVES: Mapping[str, str] = {
    "pan-left": (
        "pan_left pan_to_the_left pans_to_the_left panning_left panning_to_the_left pans_left move_left "
        "moves_left moves_to_the_left moving_left moving_to_the_left left_pan truck_left slide_left "
        "schwenk_nach_links schwenkt_nach_links kameraschwenk_nach_links panoramique_gauche "
        "panoramique_vers_la_gauche vers_la_gauche a_la_izquierda hacia_la_izquierda para_a_esquerda a_sinistra "
        "verso_sinistra влево налево 向左 左移 镜头左移 左へ 左に 왼쪽으로 إلى_اليسار نحو_اليسار बाईं_ओर बाएं"
    ),
    "pan-right": (
        "pan_right pan_to_the_right pans_to_the_right panning_right panning_to_the_right pans_right move_right "
        "moves_right moves_to_the_right moving_right moving_to_the_right right_pan truck_right slide_right pan "
        "pans panning schwenk_nach_rechts schwenkt_nach_rechts schwenk schwenkt kameraschwenk panoramique_droite "
        "panoramique_vers_la_droite vers_la_droite panoramique a_la_derecha hacia_la_derecha paneo panoramica "
        "para_a_direita a_destra verso_destra carrellata вправо направо панорам* 向右 右移 镜头右移 右へ 右に "
        "パン 오른쪽으로 إلى_اليمين نحو_اليمين दाईं_ओर दाएं"
    ),
    "zoom-in": (
        "zoom zoom_in zooming zooming_in zooms_in slow_zoom push_in pushes_in pushing_in dolly dolly_in "
        "dollies_in dolly_forward flying_forward flythrough fly_through flies_through flying_through "
        "moves_forward move_forward moving_forward closer moves_closer approaches approaching first_person pov "
        "fpv hyperlapse heranzoomen zoomt_heran zoom_auf naher kamerafahrt_vorwarts hinein zoom_avant rapproche* "
        "acercando acercandose acerca zoom_de_acercamiento aproximando zoom_de_aproximacao se_aproxima avvicina* "
        "zoom_in_avanti приближ* наезд* 推近 拉近 推进 镜头推进 ズームイン 近づく 줌인 다가가는 تقريب ज़ूम_इन "
        "ज़ूम"
    ),
    "zoom-out": (
        "zoom_out zooming_out zooms_out pull_back pulls_back pulling_back pull_out pulls_out dolly_out "
        "dollies_out moves_back moving_backward rauszoomen herauszoomen zoomt_heraus fahrt_zuruck zuruckfahren "
        "zoom_arriere recule alejando alejandose se_aleja afastando se_afasta allontana* отдаля* отъезд* 拉远 "
        "镜头拉远 ズームアウト 遠ざかる 줌아웃 멀어지는 تصغير تبعيد ज़ूम_आउट"
    ),
    "tilt-up": (
        "tilt_up tilting_up tilts_up crane_up cranes_up looking_up look_up looks_up rises_up camera_rises "
        "pedestal_up kamera_nach_oben schwenk_nach_oben vers_le_haut hacia_arriba para_cima verso_l_alto вверх "
        "向上 上移 上へ 見上げる 위로 إلى_الأعلى ऊपर_की_ओर"
    ),
    "tilt-down": (
        "tilt_down tilting_down tilts_down crane_down looking_down looks_down camera_descends pedestal_down "
        "kamera_nach_unten schwenk_nach_unten vers_le_bas hacia_abajo para_baixo verso_il_basso вниз 向下 下移 "
        "下へ 見下ろす 아래로 إلى_الأسفل नीचे_की_ओर"
    ),
    "orbit": (
        "orbit orbits orbiting orbit_shot orbit_around orbits_around orbiting_around orbiting_camera "
        "camera_orbit* camera_orbiting arc_shot parallax circles_around circling rotates_around 360_shot "
        "kamerafahrt umkreist kreist tourne_autour orbite_autour gira_alrededor rodeando orbita gira_em_torno "
        "girando_ao_redor gira_intorno облет* вокруг 环绕 旋转镜头 回り込む 周回 주위를_도는 회전 تدور_حول "
        "चारों_ओर"
    ),
    "track": (
        "tracking tracking_shot follow_shot following_shot camera_follows following side_scroll* steadicam "
        "verfolgt kamera_folgt travelling suit la_camera_suit sigue camara_sigue seguimiento acompanha "
        "a_camera_segue segue la_camera_segue inseguimento следу* за_ним 跟拍 跟随 跟踪镜头 追いかける "
        "追跡ショット トラッキング 따라가는 추적 تتبع पीछा"
    ),
}

PACES: Mapping[float, str] = {
    0.5: (
        "slow slowly gently gentle calm calmly langsam* sanft* lentement lente doucement lento lenta lentamente "
        "suave* devagar медленн* плавн* 缓慢 慢慢 缓缓 ゆっくり 천천히 ببطء धीरे धीरे_धीरे"
    ),
    1.8: (
        "fast quickly quick rapid rapidly fast_paced schnell* rasant* rapide* rapidement vite rapido rapida "
        "rapidamente depressa veloce velocemente быстр* 快速 飞快 速く 高速で 빠르게 빠른 بسرعة तेज तेज़ी"
    ),
}

TIMES: Mapping[str, str] = {
    "time lapse": (
        "time_lapse timelapse hyperlapse sped_up zeitraffer* accelere en_accelere camara_rapida camera_rapida "
        "таймлапс* ускоренн* 延时 延时摄影 タイムラプス 早送り 타임랩스 فاصل_زمني टाइमलैप्स"
    ),
    "slow motion": (
        "slow_motion slow_mo slo_mo slowmotion zeitlupe* au_ralenti ralenti camara_lenta camera_lenta "
        "rallentatore al_rallentatore moviola замедленн* слоумо 慢动作 慢镜头 スローモーション 슬로우_모션 "
        "슬로우모션 حركة_بطيئة धीमी_गति स्लो_मोशन"
    ),
}

STYLES: Mapping[str, str] = {
    "black and white": (
        "black_and_white black_white monochrome film_noir noir_style grayscale greyscale schwarz_weiss "
        "schwarzweiss noir_et_blanc blanco_y_negro preto_e_branco bianco_e_nero черно_бел* 黑白 白黒 モノクロ "
        "흑백 أبيض_وأسود श्वेत_श्याम ब्लैक_एंड_व्हाइट"
    ),
    "sepia": (
        "sepia old_photo vintage_film old_film vintage_photograph altes_foto vieille_photo foto_antigua "
        "foto_antiga seppia сепия 复古 老照片 セピア 세피아 بني_داكن सेपिया"
    ),
    "watercolour": (
        "watercolor watercolour watercolor_painting watercolour_painting aquarell* aquarelle* acuarela* aquarela* "
        "acquerell* акварел* 水彩 水彩画 수채화 ألوان_مائية जलरंग"
    ),
    "ink": (
        "ink_wash ink_painting ink_drawing sumi_e sumi ukiyo_e charcoal pencil_sketch pencil_drawing line_art "
        "tusche tuschezeichnung bleistiftzeichnung encre lavis dessin_au_crayon tinta_china dibujo_a_lapiz "
        "nanquim desenho_a_lapis inchiostro disegno_a_matita тушь* карандашн* 水墨 水墨画 国画 墨絵 浮世絵 수묵화 "
        "حبر स्याही"
    ),
    "pixel art": (
        "pixel_art pixelart 8_bit 8bit 16_bit pixelated minecraft voxel pixelgrafik pixelado пиксел* 像素 像素风 "
        "ドット絵 ピクセル 픽셀 بكسل पिक्सेल"
    ),
    "anime": (
        "anime anime_style manga ghibli studio_ghibli makoto_shinkai cartoon cel_shaded zeichentrick dessin_anime "
        "dibujos_animados desenho_animado cartone_animato аниме мультф* 动漫 动画 吉卜力 宫崎骏 アニメ ジブリ "
        "漫画風 애니메이션 지브리 أنمي كرتون एनीमे कार्टून"
    ),
    "oil painting": (
        "oil_painting impressionist* impressionism van_gogh starry_night_painting monet painting painted "
        "olgemalde olbild gemalde impressionis* peinture_a_l_huile impressionnis* peinture pintura_al_oleo oleo "
        "impresionis* pintura pintura_a_oleo dipinto pittura_a_olio масл*_краск* импрессион* картин* 油画 印象派 "
        "梵高 油絵 ゴッホ 유화 인상파 لوحة_زيتية तैलचित्र"
    ),
}

MANNERS: Mapping[str, str] = {
    "running": (
        "run runs running jogging jogs sprinting gallop* chasing races rennt rennen lauft joggt galoppier* court "
        "courent courant galope* corre corren corriendo galop* correndo corrono galopp* бежит бегут бегущ* бегает "
        "скач* 奔跑 跑步 跑 飞奔 走る 走って 駆ける 달리는 뛰는 يركض تركض दौड़ दौड़ता दौड़ती"
    ),
    "standing": (
        "standing stands stand watching watches looking looks gazing gazes staring silhouette silhouettes steht "
        "stehen blickt schaut betrachtet debout regarde regardant contemple de_pie mira mirando contempla em_pe olha "
        "olhando observa in_piedi guarda guardando стоит стоят смотрит 站 站在 看着 望着 立つ 立って 見る 眺める "
        "서있는 서_있는 바라보는 يقف تقف ينظر खड़ा खड़ी देख"
    ),
    "sitting": (
        "sitting sits sit seated sitzt sitzen sitzend* assis assise assises sentad* sedut* сидит сидят сидящ* 坐 坐在 "
        "座る 座って 座っている 앉아 يجلس تجلس बैठा बैठी"
    ),
}
"""What people do."""

RIDING: str = (
    "riding rides ridden rode ride reitet reiten reitend* ritt monte_sur monte_un monte_une chevauch* "
    "montando monta_en monta_un monta_una cavalca cavalcano cavalcando скачет_на едет_на 骑 骑着 乗る 乗って "
    "乗った 타는 타고 탄 يركب تركب ركوب सवार सवारी"
)
HORSEBACK: str = (
    "horseback on_horseback horse_rider* horse_riding horsewoman horseman horsemen jockey jockeys reiter "
    "reiterin reitern a_cheval cavaliers_a_cheval a_caballo jinete* cabalga* a_cavalo cavalga* a_cavallo "
    "верхом всадни* на_коне на_лошади 骑马 騎馬 乗馬 승마 말을_타고 말을_탄 घुड़सवार*"
)
"""Words for someone on a horse that do not name the horse, or hold its name."""
UPON: str = "on upon atop astride auf sur sobre em su sulla на верхом على पर"
"""What stands between a rider and a beast."""

ARMS: str = (
    "sword swords shield shields armor armour lance schwert rustung epee armure espada armadura escudo spada "
    "armatura меч доспех* щит 剑 盔甲 剣 鎧 검 갑옷 سيف درع तलवार कवच"
)
"""What a knight wears and bears."""

GROUPS: Mapping[str, str] = {
    "7": (
        "flock school_of swarm many lots_of dozens hundreds schwarm viele nuee volee beaucoup banc_de plusieurs "
        "bandada muchos muchas banco_de varios bando muitos muitas cardume stormo molti molte branco стая стаи "
        "много 一群 许多 很多 群 たくさん 群れ 大勢 많은 무리 떼 سرب كثير झुंड कई बहुत"
    ),
    "5": (
        "herd pack several group_of herde rudel mehrere einige troupeau meute quelques manada rebano algunos "
        "rebanho mandria gregge alcuni стадо несколько 几只 几个 数匹 いくつか 몇 قطيع عدة कुछ"
    ),
}
"""How many a word for a group means."""

NUMBERS: Mapping[str, str] = {
    "1": (
        "one single lone lonely 1 ein eine einen einem einer einsam* un une seul seule una uno solitari* um uma "
        "один одна одно одинок* 一只 一个 一条 一座 一艘 一辆 一朵 一匹 一位 一名 一 一人 一隻 一台 하나 한 واحد "
        "एक"
    ),
    "2": (
        "two 2 both twin pair_of zwei deux dos dois duas due два две двое 两 两只 两个 两艘 双 二 二匹 二人 二隻 "
        "二つ 두 둘 اثنان दो"
    ),
    "3": "three 3 drei trois tres tre три трое 三 三只 三个 三艘 三匹 三人 三つ 세 셋 ثلاثة ثلاث तीन",
    "4": "four 4 vier quatre cuatro quatro quattro четыре 四 四只 四个 四匹 四人 네 넷 أربعة أربع चार",
    "5": "five 5 funf fuenf cinq cinco cinque пять 五 五只 五个 五匹 五人 다섯 خمسة خمس पांच",
    "6": "six 6 half_a_dozen sechs seis sei шесть 六 六匹 여섯 ستة छह",
    "8": (
        "eight 8 seven 7 nine 9 ten 10 dozen acht sieben neun zehn huit sept neuf dix ocho siete nueve diez oito "
        "sete nove dez otto sette dieci семь восемь девять десять 七 八 九 十 七匹 八匹 일곱 여덟 열 ثمانية عشرة "
        "आठ सात दस"
    ),
}

MANY: str = (
    "vogel voegel hunde hunden katzen pferde kuhe schafe boote schiffe fische delfine wale pinguine "
    "schmetterlinge autos ballons haie enten schwane oiseaux chiens chats chevaux moutons bateaux poissons "
    "dauphins baleines papillons voitures pajaros perros gatos caballos ovejas barcos peces delfines ballenas "
    "mariposas coches globos passaros caes cavalos peixes golfinhos borboletas carros baloes uccelli cani "
    "gatti cavalli pecore barche pesci delfini farfalle macchine птицы собаки кошки лошади рыбы дельфины 새들 "
    "طيور أسماك خيول قوارب पक्षियों मछलियां butterflies ponies puppies kittens sheep geese wolves deer_herd "
    "fish jellyfish cattle traffic vehicles bunnies mongolfiere heissluftballons montgolfieres "
    "globos_aerostaticos бабочки"
)
"""Plurals that do not end in the English s."""

NEGATIONS: str = (
    "no not without never nor minus except excluding ohne kein keine keinen keinem nicht weder sans pas ni "
    "aucun aucune sin ningun ninguna sem nenhum nenhuma nem senza nessun nessuna без не ни بدون بلا دون ليس "
    "बिना नहीं 没有 没 无 不带"
)

AFTER: str = "なし のない がない 없이 없는 के_बिना के_बगैर बिना"
"""Negations that follow what they rule out."""

FEMALE: str = (
    "woman women girl girls lady ladies princess queen bride grandmother grandma old_woman young_woman "
    "actress ballerina mother frau madchen dame prinzessin junge_frau femme fille dame mujer nina chica "
    "senora princesa mulher menina garota donna ragazza signora женщин* девушк* девочк* 女人 女孩 姑娘 少女 "
    "女性 女の子 여자 소녀 여성 امرأة فتاة سيدة औरत लड़की महिला"
)
"""Words for women and girls."""

CLOTHES: str = (
    "dress dresses coat coats jacket shirt skirt suit hoodie sweater kimono raincoat cloak cape gown kleid mantel "
    "jacke hemd rock pullover robe manteau veste chemise jupe vestido abrigo chaqueta camisa falda casaco "
    "saia vestito cappotto giacca camicia gonna платье пальто куртк* рубашк* юбк* 裙子 连衣裙 外套 大衣 "
    "ドレス コート 着物 드레스 코트 한복 فستان معطف قميص पोशाक साड़ी"
)
"""What people wear: its colour is theirs."""
