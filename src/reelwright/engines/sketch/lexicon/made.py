"""Craft, vehicles, buildings, plants, small things: figure of the cast → its words, as data (see `landscape.py`)."""

from __future__ import annotations

from collections.abc import Mapping

MADE: Mapping[str, str] = {
    "sailboat": (
        "sailboat* sailing_boat* sailing_ship* sailing_yacht* yacht* boat boats catamaran* dinghy sail sails "
        "regatta segelboot* segelschiff* boot boote jacht yacht voilier* bateau bateaux velero* barco barcos bote "
        "veleiro* barca barche barca_a_vela veliero парусник* лодк* яхт* кораблик* 帆船 船 小船 小舟 游艇 渔船 "
        "ヨット ボート 배 돛단배 요트 보트 배가 قارب قوارب يخت مركب नाव नौका पाल_नाव"
    ),
    "sofa": "sofa sofas couch couches settee sofá canape divano divani диван* 沙发 ソファ ソファー 소파 أريكة सोफा सोफे",
    "rowboat": (
        "rowboat* rowing_boat* canoe* kayak* gondola* raft wooden_boat fishing_boat small_boat paddle* rowing "
        "ruderboot* kanu* kajak* gondel* barque* pirogue bote_de_remos canoa* kayak barco_a_remo caiaque canoa "
        "gondola gondole barchetta каноэ байдарк* гондол* 划船 独木舟 皮划艇 カヌー カヤック 手漕ぎ 카누 카약 "
        "조각배 زورق डोंगी"
    ),
    "ship": (
        "ship ships ferry cargo_ship* cruise_ship* ocean_liner freighter tanker steamer vessel warship battleship "
        "titanic container_ship* submarine schiff schiffe frachter fahre dampfer kreuzfahrtschiff* navire* "
        "paquebot* cargo buque* crucero* nave transatlantico navio navios cruzeiro balsa navi traghetto crociera "
        "корабл* паром* судно лайнер* 轮船 货轮 邮轮 军舰 大船 客船 貨物船 フェリー 軍艦 선박 유람선 여객선 سفينة "
        "سفن जहाज जहाज़"
    ),
    "galleon": (
        "galleon* pirate_ship* tall_ship* viking_ship* old_sailing_ship pirate pirates piratenschiff* "
        "wikingerschiff piraten bateau_pirate galion galeon barco_pirata piratas navio_pirata galeao galeone "
        "nave_pirata pirati пиратск*_корабл* 海盗船 海賊船 해적선 سفينة_قراصنة समुद्री_डाकू"
    ),
    "plane": (
        "plane planes airplane* aeroplane* aircraft jet jets airliner* jumbo_jet biplane* flugzeug* flieger avion "
        "avions aviones aviao avioes aereo aerei aeroplan* самолет* 飞机 客机 飛行機 ジェット機 旅客機 비행기 "
        "항공기 طائرة طائرات हवाई_जहाज विमान हवाईजहाज"
    ),
    "helicopter": (
        "helicopter* chopper hubschrauber helikopter* helicoptere* helicoptero* elicotter* вертолет* 直升机 "
        "ヘリコプター ヘリ 헬리콥터 مروحية हेलीकॉप्टर"
    ),
    "rocket": (
        "rocket rockets spaceship* space_shuttle* spacecraft starship* rocket_launch rakete* raumschiff* fusee* "
        "vaisseau_spatial cohete* nave_espacial naves_espaciales foguete* razzo razzi astronave navicella ракет* "
        "космическ*_корабл* 火箭 飞船 宇宙飞船 航天飞机 ロケット 宇宙船 로켓 우주선 صاروخ مركبة_فضائية سفينة_فضاء "
        "रॉकेट अंतरिक्ष_यान"
    ),
    "hot air balloon": (
        "hot_air_balloon* air_balloon* heissluftballon* ballonfahrt montgolfiere* globo_aerostatico "
        "globos_aerostaticos globo_de_aire_caliente globos_de_aire_caliente balao_de_ar_quente "
        "baloes_de_ar_quente mongolfier* воздушн*_шар* 热气球 熱気球 気球 열기구 منطاد مناطيد "
        "गर्म_हवा_का_गुब्बारा गर्म_हवा_के_गुब्बारे"
    ),
    "balloons": (
        "balloon balloons luftballon* ballon ballons ballons_colores globo globos balao baloes bexiga* palloncin* "
        "шарик* 气球 風船 バルーン 풍선 بالون بالونات गुब्बारा गुब्बारे"
    ),
    "kite": (
        "kite kites drachen lenkdrachen cerf_volant cerfs_volants cometa cometas papalote pipa papagaio_de_papel "
        "aquilone aquiloni воздушн*_зме* 风筝 凧 연 연날리기 طائرة_ورقية पतंग पतंगें"
    ),
    "flying saucer": (
        "ufo ufos flying_saucer* alien_ship alien_spaceship alien_spacecraft fliegende_untertasse "
        "soucoupe_volante ovni platillo_volador disco_voador disco_volante нло летающ*_тарелк* 飞碟 不明飞行物 "
        "空飛ぶ円盤 비행접시 طبق_طائر उड़न_तश्तरी"
    ),
    "satellite": (
        "satellite* space_station* iss orbiter satellit* raumstation* station_spatiale satelite* "
        "estacion_espacial estacao_espacial stazione_spaziale спутник* космическ*_станц* 卫星 空间站 人工衛星 "
        "宇宙ステーション 인공위성 우주정거장 قمر_صناعي محطة_فضائية उपग्रह"
    ),
    "lantern": (
        "lantern lanterns sky_lantern* paper_lantern* floating_lantern* laterne* lampion* himmelslaterne* "
        "lanterne* linterna* farolillo* faroles lanterna* lanterna lanterne фонарик* 灯笼 孔明灯 天灯 提灯 灯籠 "
        "ランタン 등불 풍등 فانوس فوانيس लालटेन दीपक दीये"
    ),
    "car": (
        "car cars taxi* sports_car* vintage_car* race_car* racing_car* convertible sedan suv jeep* van vans "
        "automobile* limousine ferrari porsche tesla cab police_car* vehicle vehicles traffic auto autos wagen "
        "sportwagen taxi rennwagen verkehr voiture* bagnole coche coches carro automovil* trafico carros "
        "automovel transito macchina macchine automobil* traffico машин* автомобил* такси 汽车 轿车 跑车 车 "
        "出租车 车流 車 自動車 スポーツカー タクシー 자동차 차 택시 차가 سيارة سيارات कार कारें गाड़ी टैक्सी"
    ),
    "bus": (
        "bus buses coach_bus school_bus* double_decker* busse reisebus autobus autocar autobuses onibus "
        "autocarro* corriera pullman автобус* 公交车 巴士 公共汽车 バス 버스 حافلة बस"
    ),
    "truck": (
        "truck trucks lorry lorries pickup fire_truck* semi_truck tractor* lastwagen lkw laster traktor* camion "
        "camions tracteur* camiones caminhao caminhoes trator* trattor* грузовик* трактор* 卡车 货车 拖拉机 "
        "トラック トラクター 트럭 트랙터 شاحنة جرار ट्रक ट्रैक्टर"
    ),
    "bicycle": (
        "bicycle* bike bikes cyclist* cycling biking rides_a_bike fahrrad* rad_fahr* radfahrer* velo velos "
        "bicyclette* cycliste* bicicleta* bici ciclista* bicicletta biciclette ciclist* велосипед* 自行车 单车 "
        "骑车 自転車 サイクリング 자전거 دراجة_هوائية دراجة साइकिल"
    ),
    "motorcycle": (
        "motorcycle* motorbike* scooter* vespa biker motorrad motorrader moto motos motocicleta* "
        "motociclett* мотоцикл* 摩托车 摩托 バイク オートバイ 오토바이 دراجة_نارية मोटरसाइकिल"
    ),
    "train": (
        "train trains locomotive* steam_train* steam_engine* railway railroad bullet_train* subway_train* zug "
        "zuge zuege dampflok* eisenbahn* tgv tren trenes locomotora* trem trens comboio locomotiva treno treni "
        "поезд* паровоз* электричк* 火车 列车 高铁 電車 列車 汽車 新幹線 蒸気機関車 기차 열차 قطار قطارات ट्रेन "
        "रेलगाड़ी रेल"
    ),
    "tram": (
        "tram trams streetcar* trolley cable_car* strassenbahn* tramway* tranvia* bonde bondes eletrico_bonde "
        "трамва* 有轨电车 电车 路面電車 트램 ترام ट्राम"
    ),
    "lighthouse": (
        "lighthouse* leuchtturm* leuchtturme phare phares faro faros farol farois fari маяк* 灯塔 灯台 등대 منارة "
        "प्रकाशस्तंभ लाइटहाउस"
    ),
    "castle": (
        "castle* palace* fortress* fairytale_castle chateau citadel schloss schlosser burg burgen palast chateau* "
        "palais forteresse castillo* palacio* castelo* castello castelli palazzo fortezza замок замк* дворец "
        "дворц* крепост* 城堡 宫殿 皇宫 城 お城 宮殿 성 궁전 성이 قلعة قصر किला महल"
    ),
    "windmill": (
        "windmill* windmuhle* windmuehle* moulin moulins moulin_a_vent moulins_a_vent molino molinos "
        "molino_de_viento moinho moinhos mulino mulini мельниц* 风车 風車 풍차 طاحونة पवनचक्की"
    ),
    "wind turbine": (
        "wind_turbine* wind_farm* turbines windrad windrader windpark* windkraft* eolienne* aerogenerador* "
        "turbina* aerogerador* eolica pale_eoliche turbin* ветряк* ветрогенератор* 风力发电 風力発電 풍력 "
        "توربينات पवन_टरबाइन"
    ),
    "house": (
        "house houses cottage* cabin cabins hut huts home mansion* villa* farmhouse* bungalow lodge village "
        "villages haus hauser hutte* huette* dorf dorfer villa maison* cabane* chalet* village* casa casas "
        "cabana* pueblo choza aldea vila chale case capanna villaggio baita дом дома домик* изб* хижин* деревн* "
        "房子 小屋 木屋 村庄 农舍 家 村 民家 집 오두막 마을 بيت منزل كوخ قرية घर मकान झोपड़ी गांव"
    ),
    "barn": (
        "barn barns farm farms stable silo ranch scheune* bauernhof* grange* ferme* granero* granja* celeiro* "
        "fazenda* fienile fattoria амбар* ферм* 谷仓 农场 納屋 農場 牧場 헛간 농장 حظيرة مزرعة खलिहान"
    ),
    "church": (
        "church* cathedral* chapel* monastery steeple mosque* kirche* dom kathedrale* kapelle* moschee* eglise* "
        "cathedrale* chapelle* mosquee* iglesia* catedral* capilla* mezquita* igreja* capela* chiesa chiese "
        "cattedral* duomo церк* собор* храм 教堂 大教堂 教会 大聖堂 교회 성당 كنيسة مسجد चर्च गिरजाघर"
    ),
    "pagoda": (
        "pagoda* temple* shrine* monastery pagode* tempel templo* pagoda tempio templi пагод* храм* 宝塔 寺庙 寺 "
        "塔 佛塔 お寺 五重塔 神殿 탑 절이 사원 معبد मंदिर पगोडा"
    ),
    "torii": "torii shinto_gate* тории 鸟居 鳥居 神社 도리이 توري तोरी",
    "eiffel tower": (
        "eiffel_tower eiffel tower_in_paris eiffelturm tour_eiffel torre_eiffel эйфелев* 埃菲尔铁塔 铁塔 "
        "エッフェル塔 東京タワー 에펠탑 برج_إيفل एफिल_टावर"
    ),
    "pyramid": (
        "pyramid* pyramide* piramide* piramide piramidi пирамид* 金字塔 ピラミッド 피라미드 هرم أهرامات الأهرامات "
        "पिरामिड"
    ),
    "bridge": (
        "bridge bridges suspension_bridge* golden_gate* brooklyn_bridge brucke brucken bruecke* hangebrucke pont "
        "ponts puente puentes ponte pontes ponti мост моста мосту мосты 桥 大桥 桥梁 吊桥 橋 吊り橋 다리 대교 جسر "
        "पुल"
    ),
    "viaduct": (
        "viaduct* aqueduct* viadukt* viaduc* viaducto* viaduto* viadott* виадук* 高架桥 高架橋 고가교 قنطرة सेतु"
    ),
    "tent": (
        "tent tents camping campsite* tipi yurt* zelt zelte tente tentes tienda_de_campana carpa barraca tenda "
        "acampamento tende campeggio палатк* 帐篷 露营 テント キャンプ 텐트 캠핑 خيمة خيام तंबू टेंट"
    ),
    "big wheel": (
        "ferris_wheel* big_wheel amusement_park* carousel theme_park* funfair fairground carnival riesenrad "
        "jahrmarkt freizeitpark grande_roue fete_foraine noria rueda_de_la_fortuna parque_de_atracciones "
        "roda_gigante parque_de_diversoes ruota_panoramica luna_park колесо_обозрен* 摩天轮 游乐园 観覧車 遊園地 "
        "관람차 놀이공원 عجلة_فيريس ملاهي विशाल_पहिया मेला"
    ),
    "fountain": (
        "fountain* springbrunnen brunnen fontaine* fuente* fonte chafariz fontana fontane фонтан* 喷泉 噴水 분수 "
        "نافورة फव्वारा"
    ),
    "cherry tree": (
        "cherry_blossom* cherry_tree* sakura blossom_tree* blossoming_tree* kirschblute* kirschbluten kirschbaum* "
        "cerisier* fleurs_de_cerisier cerezo* flores_de_cerezo cerejeira* flores_de_cerejeira ciliegio ciliegi "
        "fiori_di_ciliegio сакур* вишн* 樱花 樱花树 桜 桜の木 さくら 벚꽃 벚나무 أزهار_الكرز चेरी_ब्लॉसम "
        "cherry_blossom_tree cherry_blossom_trees blossoming_cherry_trees sakura_trees"
    ),
    "autumn tree": (
        "autumn_tree* autumn autumnal autumn_leaves fall_leaves fall_colors fall_colours fall_foliage maple* "
        "autumn_forest falling_leaves in_fall herbst* herbstlaub ahorn* automne feuilles_mortes erable* otono "
        "hojas_secas arce outono folhas_secas autunno foglie_secche acero осен* клен* листопад* 秋天 枫叶 秋叶 "
        "红叶 秋 紅葉 落ち葉 もみじ 가을 단풍 خريف الخريف पतझड़ शरद"
    ),
    "palm": (
        "palm palms palm_tree* coconut_tree* tropical   palme palmen tropisch* "
        "palmier* cocotier* tropical* palmera* palmeras cocotero* palmeira* coqueiro* palma пальм* тропич* 棕榈 "
        "椰子树 棕榈树 椰树 热带 ヤシ ヤシの木 椰子 南国 야자수 야자나무 نخلة نخيل أشجار_النخيل ताड़ "
        "नारियल_के_पेड़ खजूर"
    ),
    "tree": (
        "tree oak oaks lone_tree lonely_tree single_tree willow* baobab* apple_tree olive_tree* big_tree old_tree "
        "baum eiche* linde arbre chene* arbol roble* arvore carvalho* albero quercia дерево дуб* 树 大树 老树 木 "
        "大木 樹 나무 شجرة पेड़ वृक्ष"
    ),
    "cactus": "cactus* cacti saguaro* kaktus kakteen cactus cactos cacto кактус* 仙人掌 サボテン 선인장 صبار कैक्टस",
    "sunflower": (
        "sunflower* sonnenblume* tournesol* girasol girasoles girassol girassois girasole girasoli подсолнух* "
        "向日葵 ひまわり ヒマワリ 해바라기 عباد_الشمس सूरजमुखी"
    ),
    "rose": (
        "rose roses red_rose* rosen rosa rosas rosa_vermelha rose_rosse роз розы роза розу 玫瑰 玫瑰花 薔薇 バラ "
        "장미 وردة ورود गुलाब"
    ),
    "mushroom": (
        "mushroom* toadstool* fungi pilz pilze fliegenpilz* champignon* seta setas hongo* champinon* cogumelo* "
        "fungo funghi гриб* мухомор* 蘑菇 キノコ きのこ 버섯 فطر मशरूम"
    ),
    "bamboo": (
        "bamboo* bambus* bambou* bambu бамбук* 竹林 竹子 竹 대나무 خيزران बांस bamboo_forest bamboo_grove "
        "bambuswald foret_de_bambous bosque_de_bambu"
    ),
    "pot plant": (
        "potted_plant* houseplant* house_plant* plant plants fern* topfpflanze* pflanze* plante_en_pot plante "
        "plantes planta plantas maceta vaso_de_planta pianta piante растени* 盆栽 植物 绿植 観葉植物 鉢植え 화분 "
        "식물 نبتة نباتات पौधा गमला"
    ),
    "candle": (
        "candle* candlelight candlelit kerze kerzen kerzenlicht bougie* chandelle* vela velas candela candele "
        "свеч* 蜡烛 烛光 ろうそく キャンドル 蝋燭 촛불 양초 شمعة شموع मोमबत्ती मोमबत्तियां"
    ),
    "cup": (
        "cup cups mug mugs coffee tea teacup* cappuccino latte espresso hot_chocolate teapot* cocoa tasse tassen "
        "kaffee tee becher tasses cafe the_chaud taza tazas te_caliente xicara* cha chavena tazza tazze caffe "
        "te_caldo чашк* кофе чай чая 咖啡 茶杯 杯子 茶 热茶 コーヒー カップ お茶 紅茶 커피 차_한잔 찻잔 컵 قهوة "
        "فنجان شاي كوب कॉफी चाय प्याला कप"
    ),
    "fruit": (
        "fruit fruits bowl_of_fruit fruit_bowl grapes banana* still_life berries strawberr* lemon* pear pears "
        "peach peaches cherries watermelon* obst fruchte fruechte obstschale banane* stillleben erdbeere* "
        "corbeille_de_fruits nature_morte fraise* fruta frutas platano* bodegon fresa* uvas natureza_morta "
        "morango* frutta banana banane natura_morta fragol* uva фрукт* банан* натюрморт* виноград* клубник* 水果 "
        "香蕉 葡萄 静物 草莓 果物 フルーツ バナナ ぶどう いちご 과일 바나나 포도 딸기 فاكهة فواكه موز عنب फल केला "
        "अंगूर"
    ),
    "apple": (
        "apple apples apfel pomme pommes manzana* maca macas mela mele яблок* 苹果 りんご リンゴ 林檎 사과 تفاحة "
        "تفاح सेब"
    ),
    "orange": (
        "oranges tangerine* mandarine* clementine* naranjas laranjas arance апельсин* 橙子 橘子 みかん 오렌지 "
        "برتقالة संतरा"
    ),
    "cake": (
        "cake cakes birthday_cake* cupcake* dessert birthday torte torten kuchen geburtstag* gateau* anniversaire "
        "pastel pasteles tarta cumpleanos bolo bolos aniversario torta compleanno торт* 蛋糕 生日 ケーキ 誕生日 "
        "케이크 생일 كعكة كيك केक"
    ),
    "books": (
        "book books library reading novel bookshelf buch bucher buecher bibliothek liest livre* bibliotheque "
        "libro* biblioteca leyendo livro* lendo libro libri книг* библиотек* 书 书本 图书馆 书籍 本 図書館 書籍 "
        "책 도서관 كتاب كتب किताब किताबें पुस्तक"
    ),
    "vase": (
        "vase vases bouquet* flower_vase flower_arrangement blumenvase* blumenstrauss bouquet jarron* florero* "
        "ramo_de_flores vaso_de_flores buque vaso mazzo_di_fiori ваз* букет* 花瓶 花束 ブーケ 꽃병 꽃다발 مزهرية "
        "باقة फूलदान गुलदस्ता vase_of_flowers vase_with_flowers vases_of_flowers bouquet_of_flowers "
        "bunch_of_flowers flowers_in_a_vase vase_de_fleurs bouquet_de_fleurs jarron_de_flores jarron_con_flores "
        "bouquet_of_roses roses_in_a_vase vase_of_roses strauss_rosen ramo_de_rosas bouquet_de_roses"
    ),
    "teddy bear": (
        "teddy_bear* teddy plush* stuffed_animal* teddybar* stofftier* ours_en_peluche nounours peluche* "
        "oso_de_peluche ursinho* urso_de_pelucia pelucia orsacchiotto peluche плюшев* 泰迪熊 玩具熊 毛绒 "
        "テディベア ぬいぐるみ 곰인형 테디베어 دبدوب دمية टेडी_बियर"
    ),
    "pizza": "pizza pizzas пицц* 披萨 比萨 ピザ 피자 بيتزا पिज़्ज़ा पिज्जा",
    "wine": (
        "wine wine_glass* glass_of_wine champagne cocktail* wein weinglas* sekt vin verre_de_vin vino "
        "copa_de_vino vinho taca_de_vinho bicchiere_di_vino вино вина бокал* 红酒 葡萄酒 酒杯 ワイン ワイングラス "
        "와인 نبيذ शराब वाइन"
    ),
    "clock": (
        "clock clocks wall_clock watch_face pocket_watch alarm_clock uhr uhren wecker horloge* reveil reloj "
        "relojes relogio* orologio orologi часы 时钟 钟表 闹钟 時計 시계 ساعة घड़ी"
    ),
    "guitar": (
        "guitar guitars ukulele gitarre* guitare* guitarra* violao chitarra chitarre гитар* 吉他 ギター 기타 "
        "جيتار गिटार"
    ),
    "snowman": (
        "snowman snowmen schneemann schneemanner bonhomme_de_neige muneco_de_nieve boneco_de_neige boneco_de_neve "
        "pupazzo_di_neve снеговик* 雪人 雪だるま 눈사람 رجل_الثلج رجل_ثلج स्नोमैन हिममानव"
    ),
    "umbrella": (
        "umbrella* parasol* regenschirm* sonnenschirm* parapluie* paraguas sombrilla* guarda_chuva guarda_sol "
        "sombrinha ombrell* зонт* 雨伞 伞 傘 우산 مظلة छाता छतरी"
    ),
    "ball": (
        "ball balls football soccer_ball basketball soccer football_match fussball ballon_de_foot pelota* balon "
        "futbol bola futebol pallone calcio мяч* футбол* 足球 球 篮球 ボール サッカー 축구공 공 축구 كرة गेंद "
        "फुटबॉल"
    ),
}
